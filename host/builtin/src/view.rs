//! What the rule sees: the tests that wait, the machines, and what was measured; and what it does with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::group::{Load, Size, mergeable};
use crate::{Action, Item, RunInput, Worker, narrower};

/// The name of the need that stands for a whole machine.
const MACHINE: &str = "machine";

/// Observations of tests without an estimate of their own, before their mean replaces the prior.
const ENOUGH: u32 = 5;

/// What a worker is busy with.
#[derive(Clone, Debug)]
struct Running {
    items: Vec<Item>,
    /// Sum of what was expected of its tests and of the exec, at its start.
    expected: Duration,
    since: Duration,
}

/// The rule's picture of one build's run.
#[derive(Clone, Debug)]
pub struct View {
    waiting: BTreeMap<u32, Item>,
    /// Waiting tests with an estimate of their own, biggest last; of equals the first listed last.
    sized: BTreeSet<(Duration, std::cmp::Reverse<u32>)>,
    /// Waiting tests without.
    unsized_tests: BTreeSet<u32>,
    /// Waiting tests of each unit.
    units: BTreeMap<String, BTreeSet<u32>>,
    sized_total: Duration,
    running: BTreeMap<u32, Running>,
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
            units: BTreeMap::new(),
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
        if let Some(unit) = &item.unit {
            self.units.entry(unit.clone()).or_default().insert(item.index);
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
        if let Some(members) = item.unit.as_ref().and_then(|unit| self.units.get_mut(unit)) {
            members.remove(&index);
        }
        Some(item)
    }

    /// Notes that these tests run on a worker, since this time of the run.
    pub fn start(&mut self, since: Duration, worker: u32, tests: &[u32]) {
        let items: Vec<Item> = tests.iter().filter_map(|&index| self.take(index)).collect();
        let expected = items.iter().map(|item| self.expected(item)).sum::<Duration>() + self.exec_overhead;
        self.running.insert(worker, Running { items, expected, since });
    }

    /// Notes that a test that was running has a verdict. `duration` is what its runner measured.
    pub fn finish(&mut self, worker: u32, index: u32, duration: Option<Duration>) {
        self.take(index);
        let Some(running) = self.running.get_mut(&worker) else { return };
        let Some(at) = running.items.iter().position(|item| item.index == index) else { return };
        let item = running.items.swap_remove(at);
        if let (false, Some(duration)) = (item.source.is_known(), duration) {
            self.unsized_seen.0 += duration;
            self.unsized_seen.1 += 1;
        }
        if running.items.is_empty() {
            self.running.remove(&worker);
        }
    }

    /// Puts a test that ran without a verdict back among the waiting.
    pub fn give_back(&mut self, index: u32, max_group: Option<u32>) {
        let place = |running: &Running| running.items.iter().position(|item| item.index == index);
        let found = self.running.iter().find_map(|(&worker, running)| Some((worker, place(running)?)));
        let Some((worker, at)) = found else {
            if let Some(mut item) = self.take(index) {
                item.narrow(max_group);
                self.insert(item);
            }
            return;
        };
        let running = self.running.get_mut(&worker).expect("just found");
        let mut item = running.items.swap_remove(at);
        if running.items.is_empty() {
            self.running.remove(&worker);
        }
        item.narrow(max_group);
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

    /// What the idle workers are to do at this time of the run. The picture is changed as if it were done.
    pub fn decide(&mut self, now: Duration, idle: &[u32]) -> Vec<Action> {
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
            let size = self.size(now);
            let tests = if worker.main { self.in_order(&worker, size) } else { self.biggest_first(&worker, size) };
            if !tests.is_empty() {
                self.start(now, id, &tests);
                actions.push(Action::Start { worker: id, tests });
            }
        }
        actions
    }

    /// The waiting tests of a test's unit.
    fn unit_of<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        let members = item.unit.as_ref().and_then(|unit| self.units.get(unit));
        members.into_iter().flatten().filter_map(|index| self.waiting.get(index))
    }

    fn size(&self, now: Duration) -> Size {
        let left = |running: &Running| running.expected.saturating_sub(now.saturating_sub(running.since));
        let workers = u32::try_from(self.workers.len()).unwrap_or(u32::MAX).saturating_add(self.expected_workers);
        let load = Load {
            waiting: self.remaining(),
            running: self.running.values().map(left).sum(),
            unknown: u32::try_from(self.unsized_tests.len()).unwrap_or(u32::MAX),
            measured: self.unsized_seen.1,
            workers,
        };
        Size::at(self.exec_overhead, load)
    }

    /// The first waiting test, and those that follow it as long as they fit.
    fn in_order(&self, worker: &Worker, size: Size) -> Vec<u32> {
        let Some(first) = self.waiting.values().find(|item| self.may_run(item, worker)) else { return Vec::new() };
        let mut group = Group::new(self, first);
        for item in self.waiting.range(first.index + 1..).map(|(_, item)| item) {
            let is_in = group.contains(item.index) || (group.admits(self, item) && group.grow(self, item, size));
            if !is_in {
                break;
            }
        }
        group.into_order()
    }

    /// The biggest waiting test; where the exec would cost more than its share, with its neighbours, and then the
    /// next biggest with theirs: what they share is set up once.
    fn biggest_first(&self, worker: &Worker, size: Size) -> Vec<u32> {
        let Some(first) = self.by_size().find(|item| self.may_run(item, worker)) else { return Vec::new() };
        let mut group = Group::new(self, first);
        if group.sum >= size.floor {
            return group.into_order();
        }
        for seed in std::iter::once(first).chain(self.by_size()) {
            if seed.index != first.index && (group.contains(seed.index) || !group.admits(self, seed)) {
                continue;
            }
            for item in std::iter::once(seed).chain(self.neighbours(seed)) {
                let may_join = !group.contains(item.index) && group.admits(self, item);
                if group.is_full() || (may_join && !group.grow(self, item, size)) {
                    return group.into_order();
                }
            }
        }
        group.into_order()
    }

    /// The waiting tests around this one that share its set-up key: those after it, then those before it.
    fn neighbours<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        let near = |other: &&Item| item.setup_key.is_some() && other.setup_key == item.setup_key;
        let after = self.waiting.range(item.index + 1..).map(|(_, other)| other);
        let before = self.waiting.range(..item.index).rev().map(|(_, other)| other);
        after.take_while(near).chain(before.take_while(near))
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
        others.all(|(_, running)| {
            item.alone.as_deref() != Some(MACHINE)
                && running.items.iter().all(|other| match other.alone.as_deref() {
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
    /// Of these, tests without an estimate of their own.
    unknown: u32,
    /// The most tests that may be in it.
    max: Option<u32>,
}

impl Group {
    fn new(view: &View, first: &Item) -> Group {
        let open = first.unit.is_none() || view.unit_of(first).all(|member| mergeable(first, member));
        let (tests, sum) = (BTreeSet::new(), Duration::ZERO);
        let mut group = Group { first: first.index, open, tests, sum, unknown: 0, max: None };
        group.add_unit(view, first);
        group
    }

    /// Whether a test, with its whole unit, may join what is here.
    fn admits(&self, view: &View, item: &Item) -> bool {
        let Some(first) = view.waiting.get(&self.first).filter(|_| self.open) else { return false };
        match item.unit {
            None => mergeable(first, item) && self.has_room(1, item.max_group),
            Some(_) => {
                let max = view.unit_of(item).fold(None, |max, member| narrower(max, member.max_group));
                self.has_room(view.unit_of(item).count(), max)
                    && view.unit_of(item).all(|member| mergeable(first, member))
            }
        }
    }

    /// Whether so many more may join, which bear no larger group than this.
    fn has_room(&self, more: usize, max: Option<u32>) -> bool {
        narrower(self.max, max).is_none_or(|most| self.tests.len() + more <= most as usize)
    }

    /// Nothing more may join.
    fn is_full(&self) -> bool {
        !self.open || !self.has_room(1, None)
    }

    fn contains(&self, index: u32) -> bool {
        self.tests.contains(&index)
    }

    /// Adds a test with its whole unit.
    fn add_unit(&mut self, view: &View, item: &Item) {
        if item.unit.is_none() {
            self.add(view, item);
        }
        for member in view.unit_of(item) {
            self.add(view, member);
        }
    }

    fn add(&mut self, view: &View, item: &Item) {
        if self.tests.insert(item.index) {
            self.sum += view.expected(item);
            self.unknown += u32::from(!item.source.is_known());
            self.max = narrower(self.max, item.max_group);
        }
    }

    /// Adds a test unless the group would get too long: false then.
    fn grow(&mut self, view: &View, item: &Item, size: Size) -> bool {
        if !size.admits(self.sum, self.unknown, view.expected(item), item.source.is_known()) {
            return false;
        }
        self.add_unit(view, item);
        true
    }

    fn into_order(self) -> Vec<u32> {
        self.tests.into_iter().collect()
    }
}
