//! What the rule sees: the tests that wait, the machines, and what was measured; and what it does with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::group::{Size, mergeable};
use crate::{Action, Item, RunInput, Worker};

/// The name of the need that stands for a whole machine.
const MACHINE: &str = "machine";

/// Observations of tests without an estimate of their own, before their mean replaces the prior.
const ENOUGH: u32 = 5;

/// The rule's picture of one build's run.
#[derive(Clone, Debug)]
pub struct View {
    waiting: BTreeMap<u32, Item>,
    /// Waiting tests with an estimate of their own, biggest last; of equals the first listed last.
    sized: BTreeSet<(Duration, std::cmp::Reverse<u32>)>,
    /// Waiting tests without.
    unsized_tests: BTreeSet<u32>,
    sized_total: Duration,
    running: BTreeMap<u32, Vec<Item>>,
    workers: BTreeMap<u32, Worker>,
    expected_workers: u32,
    exec_overhead: Duration,
    prior: Duration,
    unsized_seen: (Duration, u32),
}

impl View {
    /// The picture at the start of a run.
    pub fn new(input: RunInput) -> View {
        let mut view = View {
            waiting: BTreeMap::new(),
            sized: BTreeSet::new(),
            unsized_tests: BTreeSet::new(),
            sized_total: Duration::ZERO,
            running: BTreeMap::new(),
            workers: input.workers.into_iter().map(|w| (w.id, w)).collect(),
            expected_workers: input.expected_workers,
            exec_overhead: input.phases.exec_overhead,
            prior: Duration::ZERO,
            unsized_seen: (Duration::ZERO, 0),
        };
        for item in input.items {
            if !item.source.is_known() {
                view.prior = item.expected;
            }
            view.insert(item);
        }
        view
    }

    pub(crate) fn insert(&mut self, item: Item) {
        if item.source.is_known() {
            self.sized.insert((item.expected, std::cmp::Reverse(item.index)));
            self.sized_total += item.expected;
        } else {
            self.unsized_tests.insert(item.index);
        }
        self.waiting.insert(item.index, item);
    }

    fn take(&mut self, index: u32) -> Option<Item> {
        let item = self.waiting.remove(&index)?;
        if item.source.is_known() {
            self.sized.remove(&(item.expected, std::cmp::Reverse(index)));
            self.sized_total -= item.expected;
        } else {
            self.unsized_tests.remove(&index);
        }
        Some(item)
    }

    /// Notes that these tests run on a worker.
    pub fn start(&mut self, worker: u32, tests: &[u32]) {
        let items: Vec<Item> = tests.iter().filter_map(|&index| self.take(index)).collect();
        self.running.entry(worker).or_default().extend(items);
    }

    /// Notes that a test that was running has a verdict. `duration` is what its runner measured.
    pub fn finish(&mut self, worker: u32, index: u32, duration: Option<Duration>) {
        self.take(index);
        let Some(running) = self.running.get_mut(&worker) else { return };
        let Some(at) = running.iter().position(|item| item.index == index) else { return };
        let item = running.swap_remove(at);
        if let (false, Some(duration)) = (item.source.is_known(), duration) {
            self.unsized_seen.0 += duration;
            self.unsized_seen.1 += 1;
        }
        if running.is_empty() {
            self.running.remove(&worker);
        }
    }

    /// Puts a test that ran without a verdict back among the waiting.
    pub fn give_back(&mut self, index: u32, by_itself: bool) {
        let found = self
            .running
            .iter()
            .find_map(|(&worker, items)| items.iter().position(|item| item.index == index).map(|at| (worker, at)));
        let Some((worker, at)) = found else {
            if let Some(mut item) = self.take(index) {
                item.by_itself |= by_itself;
                self.insert(item);
            }
            return;
        };
        let items = self.running.get_mut(&worker).expect("just found");
        let mut item = items.swap_remove(at);
        if items.is_empty() {
            self.running.remove(&worker);
        }
        item.by_itself |= by_itself;
        self.insert(item);
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
        let (sum, count) = self.unsized_seen;
        if count >= ENOUGH { sum / count } else { self.prior }
    }

    fn expected(&self, item: &Item) -> Duration {
        if item.source.is_known() { item.expected } else { self.typical() }
    }

    fn remaining(&self) -> Duration {
        let unsized_count = u32::try_from(self.unsized_tests.len()).unwrap_or(u32::MAX);
        self.sized_total + self.typical().saturating_mul(unsized_count)
    }

    /// What the idle workers are to do. The picture is changed as if it were done.
    pub fn decide(&mut self, idle: &[u32]) -> Vec<Action> {
        let mut actions = Vec::new();
        for &id in idle {
            let Some(worker) = self.workers.get(&id).cloned() else { continue };
            if self.waiting.is_empty() {
                if !worker.main && self.workers.values().any(|w| w.id != id) {
                    self.leave(id);
                    actions.push(Action::Release(id));
                }
                continue;
            }
            let tests = if worker.main { self.in_order(&worker) } else { self.biggest_first(&worker) };
            if !tests.is_empty() {
                self.start(id, &tests);
                actions.push(Action::Start { worker: id, tests });
            }
        }
        actions
    }

    /// The waiting tests of a test's unit.
    fn unit_of<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        self.waiting.values().filter(|member| member.unit == item.unit)
    }

    fn size(&self) -> Size {
        let workers = u32::try_from(self.workers.len()).unwrap_or(u32::MAX).saturating_add(self.expected_workers);
        Size::at(self.exec_overhead, self.remaining(), workers)
    }

    /// The first waiting test, and those that follow it as long as they fit.
    fn in_order(&self, worker: &Worker) -> Vec<u32> {
        let size = self.size();
        let Some(first) = self.waiting.values().find(|item| self.may_run(item, worker)) else { return Vec::new() };
        let mut group = Group::new(self, first);
        for item in self.waiting.range(first.index + 1..).map(|(_, item)| item) {
            if !group.admits(self, item) || !group.grow(self, item, size.target) {
                break;
            }
        }
        group.into_order()
    }

    /// The biggest waiting test; where the exec would cost more than its share, with its neighbours.
    fn biggest_first(&self, worker: &Worker) -> Vec<u32> {
        let size = self.size();
        let Some(first) = self.by_size().find(|item| self.may_run(item, worker)) else { return Vec::new() };
        let mut group = Group::new(self, first);
        if group.sum >= size.floor {
            return group.into_order();
        }
        let before = self.waiting.range(..first.index).rev().map(|(_, item)| item);
        let after = self.waiting.range(first.index + 1..).map(|(_, item)| item);
        let near = |item: &&Item| item.setup_key.is_some() && item.setup_key == first.setup_key;
        let neighbours = after.take_while(near).chain(before.take_while(near));
        for item in neighbours.chain(self.by_size()) {
            if !group.contains(item.index) && group.admits(self, item) && !group.grow(self, item, size.target) {
                break;
            }
        }
        group.into_order()
    }

    /// Waiting tests, biggest first. Those without an estimate of their own come from the end of the list, so that
    /// helpers do not cut up what the main buildlet will take in order.
    fn by_size(&self) -> impl Iterator<Item = &Item> {
        let typical = self.typical();
        let waiting = |index: &u32| self.waiting.get(index);
        let bigger = self.sized.range((typical, std::cmp::Reverse(u32::MAX))..).rev();
        let smaller = self.sized.range(..(typical, std::cmp::Reverse(u32::MAX))).rev();
        bigger
            .filter_map(move |(_, index)| waiting(&index.0))
            .chain(self.unsized_tests.iter().rev().filter_map(waiting))
            .chain(smaller.filter_map(move |(_, index)| waiting(&index.0)))
    }

    /// Whether what the test needs alone is free on the worker's machine, and nothing there needs all of it.
    fn may_run(&self, item: &Item, worker: &Worker) -> bool {
        let mut others = self.running.iter().filter(|(id, _)| {
            **id != worker.id && self.workers.get(id).is_some_and(|other| other.machine == worker.machine)
        });
        others.all(|(_, items)| {
            item.alone.as_deref() != Some(MACHINE)
                && items.iter().all(|other| match other.alone.as_deref() {
                    Some(MACHINE) => false,
                    need => need.is_none() || need != item.alone.as_deref(),
                })
        })
    }
}

/// A group that is being put together.
struct Group {
    first: u32,
    /// Others may join: no member of the first test's unit forbids it.
    open: bool,
    tests: BTreeSet<u32>,
    sum: Duration,
}

impl Group {
    fn new(view: &View, first: &Item) -> Group {
        let open = first.unit.is_none() || view.unit_of(first).all(|member| mergeable(first, member));
        let mut group = Group { first: first.index, open, tests: BTreeSet::new(), sum: Duration::ZERO };
        group.add_unit(view, first);
        group
    }

    /// Whether a test, with its whole unit, may join what is here.
    fn admits(&self, view: &View, item: &Item) -> bool {
        let Some(first) = view.waiting.get(&self.first).filter(|_| self.open) else { return false };
        match item.unit {
            None => mergeable(first, item),
            Some(_) => view.unit_of(item).all(|member| mergeable(first, member)),
        }
    }

    fn contains(&self, index: u32) -> bool {
        self.tests.contains(&index)
    }

    /// Adds a test with its whole unit.
    fn add_unit(&mut self, view: &View, item: &Item) {
        if item.unit.is_none() {
            self.tests.insert(item.index);
            self.sum += view.expected(item);
            return;
        }
        for member in view.unit_of(item) {
            if self.tests.insert(member.index) {
                self.sum += view.expected(member);
            }
        }
    }

    /// Adds a test unless the group would get too long: false then.
    fn grow(&mut self, view: &View, item: &Item, target: Duration) -> bool {
        if self.contains(item.index) {
            return true;
        }
        if self.sum + view.expected(item) > target {
            return false;
        }
        self.add_unit(view, item);
        true
    }

    fn into_order(self) -> Vec<u32> {
        self.tests.into_iter().collect()
    }
}
