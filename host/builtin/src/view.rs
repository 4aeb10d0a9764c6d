//! What the rule sees: the tests, the machines, and what was measured; and what it does with them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::gather::Gather;
use crate::group::{Load, Size};
use crate::items::{Entry, Items, Key, Place};
use crate::{Action, RunInput, Worker};

/// Observations of tests without an estimate of their own, before their mean replaces the prior.
const ENOUGH: u32 = 5;

/// What a worker is busy with.
#[derive(Clone, Debug)]
struct Running {
    /// How many of its tests have no verdict.
    left: usize,
    /// What they need alone.
    needs: Vec<(u32, Key)>,
    /// Sum of what was expected of its tests and of the exec, at its start.
    expected: Duration,
    since: Duration,
}

/// The rule's picture of one build's run.
#[derive(Clone, Debug)]
pub struct View {
    items: Items,
    running: BTreeMap<u32, Running>,
    workers: BTreeMap<u32, Worker>,
    expected_workers: u32,
    exec_overhead: Duration,
    prior: Duration,
    unknown_seen: (Duration, u32),
}

impl View {
    /// The picture at the start of a run.
    pub fn new(input: RunInput) -> View {
        let unknown = input.items.iter().rfind(|item| !item.source.is_known());
        View {
            items: Items::new(&input.items),
            running: BTreeMap::new(),
            workers: input.workers.into_iter().map(|worker| (worker.id, worker)).collect(),
            expected_workers: input.expected_workers,
            exec_overhead: input.phases.exec_overhead,
            prior: unknown.map_or(Duration::ZERO, |item| item.expected),
            unknown_seen: (Duration::ZERO, 0),
        }
    }

    /// Notes that these tests run on a worker, since this time of the run.
    pub fn start(&mut self, since: Duration, worker: u32, tests: &[u32]) {
        let mut running = Running { left: 0, needs: Vec::new(), expected: self.exec_overhead, since };
        let typical = self.typical();
        for &index in tests {
            if !self.items.is_waiting(index) {
                continue;
            }
            self.items.take(index, Place::Running(worker));
            let entry = self.items.get(index);
            running.left += 1;
            running.needs.extend(entry.alone.map(|need| (index, need)));
            running.expected += entry.expected.unwrap_or(typical);
        }
        if running.left > 0 {
            self.running.insert(worker, running);
        }
    }

    /// Notes that a test that was running has a verdict. `duration` is how long it kept its worker.
    pub fn finish(&mut self, index: u32, duration: Option<Duration>) {
        let Place::Running(worker) = self.items.take(index, Place::Gone) else { return };
        self.stopped(worker, index);
        if let (None, Some(duration)) = (self.items.get(index).expected, duration) {
            self.unknown_seen.0 += duration;
            self.unknown_seen.1 += 1;
        }
    }

    /// Puts a test that ran without a verdict back among the waiting.
    pub fn give_back(&mut self, index: u32, max_group: Option<u32>) {
        self.items.narrow(index, max_group);
        if let Place::Running(worker) = self.items.get(index).place {
            self.stopped(worker, index);
            self.items.put(index);
        }
    }

    /// A worker no longer runs a test.
    fn stopped(&mut self, worker: u32, index: u32) {
        let Some(running) = self.running.get_mut(&worker) else { return };
        running.left -= 1;
        running.needs.retain(|(other, _)| *other != index);
        if running.left == 0 {
            self.running.remove(&worker);
        }
    }

    /// A worker came.
    pub fn join(&mut self, worker: Worker) {
        self.expected_workers = self.expected_workers.saturating_sub(1);
        self.workers.insert(worker.id, worker);
    }

    /// A worker is gone or was let go.
    pub fn leave(&mut self, worker: u32) {
        self.workers.remove(&worker);
    }

    /// The host measured what one exec costs.
    pub fn measure(&mut self, exec_overhead: Duration) {
        self.exec_overhead = exec_overhead;
    }

    /// What a test without an estimate of its own is taken for: the mean of its like, once enough of them ran.
    fn typical(&self) -> Duration {
        let (sum, count) = self.unknown_seen;
        if count >= ENOUGH { sum / count } else { self.prior }
    }

    /// What the idle workers are to do at this time of the run. The picture is changed as if it were done.
    pub fn decide(&mut self, now: Duration, idle: &[u32]) -> Vec<Action> {
        let mut actions = Vec::new();
        for &id in idle {
            let Some(worker) = self.workers.get(&id) else { continue };
            if self.items.are_done() {
                if !worker.main && self.workers.len() > 1 {
                    self.leave(id);
                    actions.push(Action::Release(id));
                }
                continue;
            }
            let may_run = |entry: &Entry| self.may_run(entry, worker);
            let mut gather = Gather::new(&self.items, self.typical(), self.size(now));
            let tests = if worker.main { gather.in_order(may_run) } else { gather.biggest_first(may_run) };
            if !tests.is_empty() {
                self.start(now, id, &tests);
                actions.push(Action::Start { worker: id, tests });
            }
        }
        actions
    }

    fn size(&self, now: Duration) -> Size {
        let left = |running: &Running| running.expected.saturating_sub(now.saturating_sub(running.since));
        let workers = u32::try_from(self.workers.len()).unwrap_or(u32::MAX).saturating_add(self.expected_workers);
        let unknown = self.items.unknown();
        let load = Load {
            waiting: self.items.known_total() + self.typical().saturating_mul(unknown),
            running: self.running.values().map(left).sum(),
            unknown,
            measured: self.unknown_seen.1,
            workers,
        };
        Size::at(self.exec_overhead, load)
    }

    /// Whether what the test needs alone is free on the worker's machine, and nothing there needs all of it.
    fn may_run(&self, entry: &Entry, worker: &Worker) -> bool {
        let mut others = self.running.iter().filter(|(id, _)| {
            **id != worker.id && self.workers.get(id).is_some_and(|other| other.machine == worker.machine)
        });
        others.all(|(_, running)| {
            entry.alone != Some(Key::MACHINE)
                && running.needs.iter().all(|&(_, need)| need != Key::MACHINE && entry.alone != Some(need))
        })
    }
}
