//! What must hold after every step.

use std::collections::BTreeMap;

use super::{Build, LeaseState};
use crate::ops::Ops;
use crate::{LeaseId, Phase, TestIndex};

impl Build {
    /// Asserts the invariants of one build.
    pub(crate) fn check_invariants(&self, ops: &Ops) {
        self.check_tests();
        self.check_attempts(ops);
        self.check_leases(ops);
        if let Some((_, _, certificate)) = &self.facts.ended {
            assert!(self.facts.all_judged(), "{}: over, and a test has no verdict", self.facts.spec.build);
            assert_eq!(certificate.tests, certificate.judged, "the certificate proves one verdict for each test");
            assert!(self.live.attempts.is_empty(), "over, and an attempt is under way");
        }
    }

    /// All are sorted and walked side by side: looked up one by one, the tests of a large build cost its coordinator more
    /// than everything else does.
    fn check_tests(&self) {
        let testing = self.facts.phase() == Phase::Test && self.live.closing.is_none();
        let mut all_waiting = self.live.waiting.iter().peekable();
        let mut all_running = self.live.running.keys().peekable();
        for index in self.facts.indices() {
            let judged = self.facts.test(index).verdict.is_some();
            let waiting = all_waiting.next_if_eq(&&index).is_some();
            let running = all_running.next_if_eq(&&index).is_some();
            assert!(!(judged && waiting), "test {index} has a verdict and waits");
            assert!(!(waiting && running), "test {index} waits and runs");
            assert!(!testing || judged || waiting || running, "test {index} is nowhere");
        }
        assert_eq!((all_waiting.next(), all_running.next()), (None, None), "a test waits or runs that is not listed");
    }

    fn check_attempts(&self, ops: &Ops) {
        let mut copies: BTreeMap<TestIndex, usize> = BTreeMap::new();
        for (id, live) in &self.live.attempts {
            assert!(ops.get(live.op).is_some(), "attempt {id} has neither an answer nor a deadline");
            for test in &live.tests {
                *copies.entry(*test).or_default() += 1;
            }
        }
        for (test, attempts) in &self.live.running {
            assert_eq!(copies.remove(test), Some(attempts.len()), "test {test} runs elsewhere than is noted");
        }
        assert!(copies.is_empty(), "a test runs and is not noted: {copies:?}");
    }

    fn check_leases(&self, ops: &Ops) {
        let mut attempts_of: BTreeMap<LeaseId, usize> = BTreeMap::new();
        for live in self.live.attempts.values() {
            *attempts_of.entry(live.lease).or_default() += 1;
        }
        for (lease, count) in attempts_of {
            assert_eq!(count, 1, "lease {lease} runs {count} attempts");
        }
        for (id, lease) in &self.live.leases {
            let facts = self.facts.leases.get(id);
            match lease.state {
                LeaseState::Asked(op) => {
                    assert!(facts.is_none() && ops.get(op).is_some(), "lease {id} is asked for by nobody");
                }
                LeaseState::Adopting(op) => {
                    let held = facts.is_some_and(|facts| facts.ended.is_none());
                    assert!(held && ops.get(op).is_some(), "lease {id} is not asked whether it is still ours");
                }
                LeaseState::SettingUp(op) => {
                    assert!(ops.get(op).is_some(), "lease {id} waits for a tree that nobody brings");
                }
                LeaseState::Busy(attempt) => {
                    assert!(self.live.attempts.contains_key(&attempt), "lease {id} is busy with nothing");
                }
                LeaseState::Bare | LeaseState::Idle | LeaseState::Making => {
                    assert!(facts.is_some_and(|facts| facts.ended.is_none()), "lease {id} is over and held");
                }
            }
        }
        for (id, facts) in &self.facts.leases {
            let held = facts.ended.is_none();
            assert!(!held || self.live.leases.contains_key(id), "lease {id} was granted and is not held");
        }
        assert!(self.facts.ended.is_none() || self.live.leases.is_empty(), "over, and a machine is held");
    }
}

#[cfg(test)]
mod tests;
