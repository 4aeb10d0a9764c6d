//! A decision takes effect, as far as it still can.

use super::leases::worker_id;
use super::{Build, LeaseState};
use crate::engine::Step;
use crate::policy::{Action, Decision};
use crate::{Fact, LeaseId, PluginRef, TestIndex};

impl Build {
    /// Does what of a decision can be done now; how much that was.
    pub(super) fn carry_out(&mut self, step: &mut Step, decision: Decision, by: PluginRef) -> usize {
        let now_possible: Vec<Action> = decision.actions.into_iter().filter(|action| self.possible(action)).collect();
        let mut actions = Vec::new();
        for action in now_possible {
            if !self.alone_conflict(&action, &actions) && !copied_before(&action, &actions) {
                actions.push(action);
            }
        }
        if actions.is_empty() {
            return 0;
        }
        let seq = self.facts.decisions + 1;
        let note = decision.note;
        self.record(step, Fact::Decided { seq, by, actions: actions.clone(), note });
        for action in &actions {
            match action {
                Action::Start { worker, tests } => {
                    let tests = tests.iter().map(|index| TestIndex(*index)).collect();
                    self.start_attempt(step, LeaseId(u64::from(*worker)), tests);
                }
                Action::Duplicate { worker, test } => {
                    self.start_attempt(step, LeaseId(u64::from(*worker)), vec![TestIndex(*test)]);
                }
                Action::Release(worker) => self.end_lease(step, LeaseId(u64::from(*worker)), None),
            }
        }
        actions.len()
    }

    fn possible(&self, action: &Action) -> bool {
        let idle = |worker: &u32| {
            self.live.leases.get(&LeaseId(u64::from(*worker))).is_some_and(|lease| lease.state == LeaseState::Idle)
        };
        match action {
            Action::Start { worker, tests } => {
                idle(worker) && tests.iter().all(|index| self.live.waiting.contains(&TestIndex(*index)))
            }
            Action::Duplicate { worker, test } => {
                let copies = self.live.running.get(&TestIndex(*test)).map_or(0, Vec::len);
                // The copy that was called back when the other gave the verdict may not have ended.
                let open = self.facts.test(TestIndex(*test)).verdict.is_none();
                idle(worker) && open && copies == 1
            }
            // While tests wait, the main buildlet would only have to be asked for again.
            Action::Release(worker) => {
                let main = self.live.main == Some(LeaseId(u64::from(*worker)));
                idle(worker) && (!main || self.live.waiting.is_empty())
            }
        }
    }

    /// Whether what a test needs alone is in use on that machine, by what runs or by what was just started.
    fn alone_conflict(&self, action: &Action, before: &[Action]) -> bool {
        let Some((worker, tests)) = starts(action) else { return false };
        let machine = |worker: u32| self.facts.leases.get(&LeaseId(u64::from(worker))).map(|l| &l.machine.machine);
        let needs = |index: u32| self.facts.test(TestIndex(index)).test.alone.as_deref();
        let running =
            self.live.attempts.values().map(|attempt| {
                (worker_id(attempt.lease), attempt.tests.iter().map(|index| index.0).collect::<Vec<u32>>())
            });
        let others = running.chain(before.iter().filter_map(starts));
        for (other, others_tests) in others.filter(|(other, _)| machine(*other) == machine(worker)) {
            if other == worker {
                continue;
            }
            for &mine in &tests {
                for &theirs in &others_tests {
                    let (mine, theirs) = (needs(mine), needs(theirs));
                    let whole = mine == Some("machine") || theirs == Some("machine");
                    if whole || (mine.is_some() && mine == theirs) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// Whether the same answer asks for a copy of that test already: one copy is all that there may be.
fn copied_before(action: &Action, before: &[Action]) -> bool {
    let copied = |action: &Action| match action {
        Action::Duplicate { test, .. } => Some(*test),
        Action::Start { .. } | Action::Release(_) => None,
    };
    copied(action).is_some() && before.iter().any(|other| copied(other) == copied(action))
}

fn starts(action: &Action) -> Option<(u32, Vec<u32>)> {
    match action {
        Action::Start { worker, tests } => Some((*worker, tests.clone())),
        Action::Duplicate { worker, test } => Some((*worker, vec![*test])),
        Action::Release(_) => None,
    }
}
