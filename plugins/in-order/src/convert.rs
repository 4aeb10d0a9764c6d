//! Between the contract's types and the built-in rule's own.

use std::time::Duration as StdDuration;

use muster_sdk::policy::{Action, AskAt, Decision, HelperInput, Item, Observed, RunInput, Worker};
use muster_sdk::types::{Duration, EstimateSource, Phases};

pub(crate) fn run_input(input: RunInput) -> builtin::RunInput {
    builtin::RunInput {
        items: input.items.into_iter().map(item).collect(),
        workers: input.workers.into_iter().map(worker).collect(),
        phases: phases(&input.phases),
        expected_workers: input.expected_workers,
    }
}

pub(crate) fn observed(observed: Observed) -> builtin::Observed {
    match observed {
        Observed::Finished(finished) => builtin::Observed::Finished {
            worker: finished.worker,
            tests: finished.tests.into_iter().map(|(index, took)| (index, took.map(std))).collect(),
            took: std(finished.took),
        },
        Observed::Returned(returned) => {
            builtin::Observed::Returned { tests: returned.tests, max_group: returned.max_group }
        }
        Observed::Lost(worker) => builtin::Observed::Lost(worker),
        Observed::Joined(joined) => builtin::Observed::Joined(worker(joined)),
        Observed::Left(worker) => builtin::Observed::Left(worker),
        Observed::ExecOverhead(overhead) => builtin::Observed::ExecOverhead(std(overhead)),
        Observed::Started(started) => {
            builtin::Observed::Started { worker: started.worker, tests: started.tests, at: std(started.at) }
        }
    }
}

pub(crate) fn decision(decision: builtin::Decision) -> Decision {
    Decision {
        actions: decision.actions.into_iter().map(action).collect(),
        wake_at: decision.wake_at.map(nanos),
        note: decision.note,
    }
}

pub(crate) fn helper_input(input: &HelperInput) -> builtin::HelperInput {
    builtin::HelperInput {
        phases: phases(&input.phases),
        tests_total: input.tests_total.map(std),
        longest_test: input.longest_test.map(std),
        test_count: input.test_count,
        elapsed: std(input.elapsed),
        made: input.made,
        max_helpers: input.max_helpers,
        present: input.present,
        waiting: input.waiting,
        elastic: input.elastic,
    }
}

pub(crate) fn ask_at(ask: builtin::AskAt) -> AskAt {
    AskAt { at: nanos(ask.at), count: ask.count }
}

fn action(action: builtin::Action) -> Action {
    match action {
        builtin::Action::Start { worker, tests } => Action::Start((worker, tests)),
        builtin::Action::Duplicate { worker, test } => Action::Duplicate((worker, test)),
        builtin::Action::Release(worker) => Action::Release(worker),
    }
}

fn item(item: Item) -> builtin::Item {
    builtin::Item {
        index: item.index,
        name: item.name,
        merge_key: item.merge_key,
        unit: item.unit,
        setup_key: item.setup_key,
        alone: item.alone,
        expected: std(item.expected),
        deviation: std(item.deviation),
        source: source(item.source),
        max_group: item.max_group,
    }
}

fn source(source: EstimateSource) -> builtin::EstimateSource {
    match source {
        EstimateSource::History(count) => builtin::EstimateSource::History(count),
        EstimateSource::Related(key) => builtin::EstimateSource::Related(key),
        EstimateSource::Table => builtin::EstimateSource::Table,
        EstimateSource::Prior => builtin::EstimateSource::Prior,
        EstimateSource::Other(text) => builtin::EstimateSource::Other(text),
    }
}

fn worker(worker: Worker) -> builtin::Worker {
    builtin::Worker { id: worker.id, main: worker.main, host_type: worker.host_type, machine: worker.machine }
}

fn phases(phases: &Phases) -> builtin::Phases {
    builtin::Phases {
        make: std(phases.make),
        machine_start: std(phases.machine_start),
        setup: std(phases.setup),
        exec_overhead: std(phases.exec_overhead),
    }
}

fn std(nanos: Duration) -> StdDuration {
    StdDuration::from_nanos(nanos)
}

fn nanos(duration: StdDuration) -> Duration {
    Duration::try_from(duration.as_nanos()).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use muster_sdk::Policy;
    use muster_sdk::policy::Finished;
    use muster_sdk::types::SECOND;

    use super::*;
    use crate::InOrder;

    fn item(index: u32, seconds: u64) -> Item {
        Item {
            index,
            name: format!("t{index}"),
            merge_key: None,
            unit: None,
            setup_key: None,
            alone: None,
            expected: seconds * SECOND,
            deviation: 0,
            source: EstimateSource::History(1),
            max_group: None,
        }
    }

    fn worker(id: u32) -> Worker {
        Worker { id, main: id == 0, host_type: "default".into(), machine: format!("m{id}") }
    }

    #[test]
    fn the_rule_decides_through_the_contract() {
        let mut run = InOrder::new(RunInput {
            settings: String::new(),
            items: vec![item(0, 1), item(1, 2), item(2, 30), item(3, 3)],
            workers: vec![worker(0)],
            phases: Phases { make: 0, machine_start: 0, setup: 0, exec_overhead: 0 },
            expected_workers: 1,
        });
        assert_eq!(run.decide(0, &[0]).actions, [Action::Start((0, vec![0]))]);
        run.observe(vec![Observed::Joined(worker(1))]);
        assert_eq!(run.decide(SECOND, &[1]).actions, [Action::Start((1, vec![2]))]);
        run.observe(vec![Observed::Finished(Finished { worker: 0, tests: vec![(0, None)], took: SECOND })]);
        assert_eq!(run.decide(2 * SECOND, &[0]).actions, [Action::Start((0, vec![1]))]);
    }
}
