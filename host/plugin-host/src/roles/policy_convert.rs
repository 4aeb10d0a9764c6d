//! The policy's types, from and to WIT, and the bounds of its answers.

use std::time::Duration;

use engine::policy::{Action, AskAt, Decision, HelperInput, Item, Observed, RunInput, Worker};

use super::answer::{Checked, duration};
use super::convert::{nanos, phases_to_wit, source_to_wit};
use crate::bindings::exports::muster::policy::policy as wit;

/// Bytes of a decision's note.
const NOTE_BYTES: usize = 4 << 10;
/// Times a plan may ask for helpers.
const ASKS: usize = 1000;

pub(crate) fn input_to_wit(input: &RunInput, settings: String) -> wit::RunInput {
    wit::RunInput {
        settings,
        items: input.items.iter().map(item_to_wit).collect(),
        workers: input.workers.iter().map(worker_to_wit).collect(),
        phases: phases_to_wit(&input.phases),
        expected_workers: input.expected_workers,
    }
}

fn item_to_wit(item: &Item) -> wit::Item {
    wit::Item {
        index: item.index,
        name: item.name.clone(),
        merge_key: item.merge_key.clone(),
        unit: item.unit.clone(),
        setup_key: item.setup_key.clone(),
        alone: item.alone.clone(),
        expected: nanos(item.expected),
        deviation: nanos(item.deviation),
        source: source_to_wit(&item.source),
        max_group: item.max_group,
    }
}

fn worker_to_wit(worker: &Worker) -> wit::Worker {
    wit::Worker {
        id: worker.id,
        main: worker.main,
        host_type: worker.host_type.clone(),
        machine: worker.machine.clone(),
    }
}

pub(crate) fn observed_to_wit(observed: &Observed) -> wit::Observed {
    match observed {
        Observed::Finished { worker, tests, took } => wit::Observed::Finished(wit::Finished {
            worker: *worker,
            tests: tests.iter().map(|(test, duration)| (*test, duration.map(nanos))).collect(),
            took: nanos(*took),
        }),
        Observed::Returned { tests, max_group } => {
            wit::Observed::Returned(wit::Returned { tests: tests.clone(), max_group: *max_group })
        }
        Observed::Lost(worker) => wit::Observed::Lost(*worker),
        Observed::Joined(worker) => wit::Observed::Joined(worker_to_wit(worker)),
        Observed::Left(worker) => wit::Observed::Left(*worker),
        Observed::ExecOverhead(overhead) => wit::Observed::ExecOverhead(nanos(*overhead)),
        Observed::Started { worker, tests, at } => {
            wit::Observed::Started(wit::Started { worker: *worker, tests: tests.clone(), at: nanos(*at) })
        }
    }
}

pub(crate) fn helpers_to_wit(input: &HelperInput, settings: String) -> wit::HelperInput {
    wit::HelperInput {
        settings,
        phases: phases_to_wit(&input.phases),
        tests_total: input.tests_total.map(nanos),
        longest_test: input.longest_test.map(nanos),
        test_count: input.test_count,
        elapsed: nanos(input.elapsed),
        made: input.made,
        max_helpers: input.max_helpers,
        present: input.present,
        waiting: input.waiting,
        elastic: input.elastic,
    }
}

pub(crate) fn check_asks(asks: &[wit::AskAt]) -> Checked {
    if asks.len() > ASKS {
        return Err(format!("helpers are asked for {} times, and {ASKS} are the most", asks.len()));
    }
    asks.iter().try_for_each(|ask| duration("the time to ask for helpers", ask.at))
}

pub(crate) fn asks_from_wit(asks: &[wit::AskAt]) -> Vec<AskAt> {
    asks.iter().map(|ask| AskAt { at: Duration::from_nanos(ask.at), count: ask.count }).collect()
}

/// Only its size: whether it makes sense is judged by the engine, which knows the state.
pub(crate) fn check_decision(decision: &wit::Decision, idle: usize, tests: usize) -> Checked {
    if decision.actions.len() > idle {
        return Err(format!("{} actions for {idle} idle workers", decision.actions.len()));
    }
    let started: usize = decision
        .actions
        .iter()
        .map(|action| match action {
            wit::Action::Start((_, tests)) => tests.len(),
            wit::Action::Duplicate(_) | wit::Action::Release(_) => 0,
        })
        .sum();
    if started > tests {
        return Err(format!("{started} tests are started, and the build has {tests}"));
    }
    if decision.note.len() > NOTE_BYTES {
        return Err(format!("a note of {} bytes, and {NOTE_BYTES} are the most", decision.note.len()));
    }
    decision.wake_at.map_or(Ok(()), |at| duration("the time to be woken", at))
}

pub(crate) fn decision_from_wit(decision: wit::Decision) -> Decision {
    let action = |action| match action {
        wit::Action::Start((worker, tests)) => Action::Start { worker, tests },
        wit::Action::Duplicate((worker, test)) => Action::Duplicate { worker, test },
        wit::Action::Release(worker) => Action::Release(worker),
    };
    Decision {
        actions: decision.actions.into_iter().map(action).collect(),
        wake_at: decision.wake_at.map(Duration::from_nanos),
        note: decision.note,
    }
}
