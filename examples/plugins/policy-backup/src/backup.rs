//! The rule: the next few tests, and when none wait a copy of one that another machine has not come to.

use std::collections::BTreeMap;

/// What an idle machine is to do.
#[derive(Debug, PartialEq)]
pub enum Do {
    /// Run these tests in one exec.
    Start(Vec<u32>),
    /// Run a copy of this test.
    Copy(u32),
}

/// What the rule looks at of a test.
#[derive(Clone, Debug, Default)]
pub struct Test {
    /// Its place in the listed order.
    pub index: u32,
    /// Tests of one key may share an exec.
    pub merge_key: Option<String>,
    /// Tests of one unit must.
    pub unit: Option<String>,
    /// It needs something of its machine for itself.
    pub alone: bool,
    /// It may be in a group of at most so many.
    pub max_group: Option<u32>,
}

/// One build's tests and machines.
#[derive(Debug, Default)]
pub struct Backup {
    waiting: BTreeMap<u32, Test>,
    /// What each busy worker has not finished, in order; the one that began first comes first.
    running: Vec<(u32, Vec<Test>)>,
    /// Workers with their machines.
    workers: BTreeMap<u32, String>,
    /// Asked for and not yet there.
    expected: u32,
}

impl Backup {
    /// All tests wait.
    pub fn new(tests: impl Iterator<Item = Test>, expected: u32) -> Backup {
        Backup { waiting: tests.map(|test| (test.index, test)).collect(), expected, ..Backup::default() }
    }

    /// A worker is there.
    pub fn came(&mut self, worker: u32, machine: String) {
        self.workers.insert(worker, machine);
    }

    /// One that was expected is.
    pub fn joined(&mut self, worker: u32, machine: String) {
        self.expected = self.expected.saturating_sub(1);
        self.came(worker, machine);
    }

    /// A worker is gone. What it ran is given back separately.
    pub fn left(&mut self, worker: u32) {
        self.workers.remove(&worker);
    }

    /// These tests were started, a copy perhaps, before the host was started anew.
    pub fn started(&mut self, worker: u32, indices: &[u32]) {
        let mut tests = Vec::new();
        for index in indices {
            let running =
                || self.running.iter().flat_map(|(_, tests)| tests).find(|test| test.index == *index).cloned();
            tests.extend(self.waiting.remove(index).or_else(running));
        }
        self.running.push((worker, tests));
    }

    /// These tests have their verdicts.
    pub fn finished(&mut self, tests: impl Iterator<Item = u32>) {
        for index in tests {
            self.waiting.remove(&index);
            self.stop(index);
        }
    }

    /// These tests have none, and wait again.
    pub fn returned(&mut self, tests: &[u32], max_group: Option<u32>) {
        for &index in tests {
            if let Some(mut test) = self.stop(index) {
                test.max_group = max_group.or(test.max_group);
                self.waiting.insert(index, test);
            }
        }
    }

    /// The test runs nowhere any more.
    fn stop(&mut self, index: u32) -> Option<Test> {
        let mut found = None;
        for (_, tests) in &mut self.running {
            if let Some(at) = tests.iter().position(|test| test.index == index) {
                found = Some(tests.remove(at));
            }
        }
        self.running.retain(|(_, tests)| !tests.is_empty());
        found
    }

    /// What this idle worker is to do, if anything.
    pub fn next(&mut self, worker: u32) -> Option<Do> {
        let group = self.group(worker);
        if group.is_empty() {
            return self.copy(worker);
        }
        let tests: Vec<Test> = group.iter().filter_map(|index| self.waiting.remove(index)).collect();
        self.running.push((worker, tests));
        Some(Do::Start(group))
    }

    /// The first waiting test, with those of its unit, or with those that follow and may share its exec: half of an
    /// even share of what waits.
    fn group(&self, worker: u32) -> Vec<u32> {
        let is_free = !self.running.iter().any(|(other, tests)| {
            self.workers.get(other) == self.workers.get(&worker) && tests.iter().any(|test| test.alone)
        });
        let is_unshared = !self.running.iter().any(|(other, _)| self.workers.get(other) == self.workers.get(&worker));
        let may_run = |test: &&Test| is_free && (!test.alone || is_unshared);
        let Some(first) = self.waiting.values().find(may_run) else { return Vec::new() };
        if first.unit.is_some() {
            return self.waiting.values().filter(|test| test.unit == first.unit).map(|test| test.index).collect();
        }
        let workers = self.workers.len() + self.expected as usize;
        let mut most = self.waiting.len().div_ceil(2 * workers.max(1));
        let mut group = Vec::new();
        for test in self.waiting.range(first.index..).map(|(_, test)| test) {
            most = most.min(test.max_group.map_or(usize::MAX, |most| most as usize).max(1));
            let joins = test.merge_key.is_some() && test.merge_key == first.merge_key && test.unit.is_none();
            let fits = group.is_empty() || (joins && !test.alone && !first.alone && group.len() < most);
            if !fits {
                break;
            }
            group.push(test.index);
        }
        group
    }

    /// A copy of the test that the worker which began first would come to last, unless it has one or needs its
    /// machine for itself.
    fn copy(&mut self, worker: u32) -> Option<Do> {
        let copies = |index: u32| self.running.iter().flat_map(|(_, tests)| tests).filter(|t| t.index == index).count();
        let may_have = |test: &&Test| !test.alone && test.unit.is_none() && copies(test.index) == 1;
        let test = self.running.iter().find_map(|(_, tests)| tests.iter().rfind(may_have))?.clone();
        let index = test.index;
        self.running.push((worker, vec![test]));
        Some(Do::Copy(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u32) -> Backup {
        let test = |index| Test { index, merge_key: Some("k".into()), ..Test::default() };
        let mut backup = Backup::new((0..count).map(test), 1);
        backup.came(0, "m0".into());
        backup.joined(1, "m1".into());
        backup
    }

    #[test]
    fn shares_shrink_and_then_copies_are_made() {
        let mut backup = of(8);
        assert_eq!(backup.next(0), Some(Do::Start(vec![0, 1])));
        assert_eq!(backup.next(1), Some(Do::Start(vec![2, 3])));
        backup.finished([2, 3].into_iter());
        assert_eq!(backup.next(1), Some(Do::Start(vec![4])));
        backup.finished([4].into_iter());
        backup.waiting.clear();
        assert_eq!(backup.next(1), Some(Do::Copy(1)), "the last of the group that began first");
        backup.finished([1].into_iter());
        assert_eq!(backup.next(1), Some(Do::Copy(0)));
        assert_eq!(backup.next(2), None, "it has its copy");
    }

    #[test]
    fn what_was_started_before_is_as_if_it_had_started_it() {
        let (mut there, mut restarted) = (of(4), of(4));
        assert_eq!(there.next(0), Some(Do::Start(vec![0])));
        restarted.started(0, &[0]);
        for _ in 0..2 {
            assert_eq!(there.next(1), restarted.next(1));
        }
        there.waiting.clear();
        restarted.waiting.clear();
        assert_eq!(there.next(2), Some(Do::Copy(0)));
        restarted.started(2, &[0]);
        assert_eq!((there.next(1), restarted.next(1)), (Some(Do::Copy(1)), Some(Do::Copy(1))));
    }

    #[test]
    fn what_comes_back_waits_and_may_not_be_crowded() {
        let mut backup = of(8);
        assert_eq!(backup.next(0), Some(Do::Start(vec![0, 1])));
        backup.left(0);
        backup.returned(&[0, 1], Some(1));
        assert_eq!(backup.next(1), Some(Do::Start(vec![0])));
    }

    #[test]
    fn a_unit_is_whole_and_the_lonely_are_alone() {
        let mut backup = of(4);
        for index in [1, 3] {
            backup.waiting.get_mut(&index).unwrap().unit = Some("u".into());
        }
        backup.waiting.get_mut(&2).unwrap().alone = true;
        assert_eq!(backup.next(0), Some(Do::Start(vec![0])));
        assert_eq!(backup.next(1), Some(Do::Start(vec![1, 3])));
        backup.came(2, "m0".into());
        assert_eq!(backup.next(2), Some(Do::Copy(0)), "another worker of m0 runs");
        backup.finished([0].into_iter());
        assert_eq!(backup.next(0), Some(Do::Start(vec![2])));
    }
}
