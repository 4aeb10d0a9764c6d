//! What was wrong with a policy's answer when it was asked.

use std::collections::BTreeSet;

use super::{Asked, Build};
use crate::policy::{Action, Decision};
use crate::{PluginFault, PluginFaultKind, TestIndex};

impl Build {
    /// Whether an answer names idle workers and tests that waited, in groups that may be.
    pub(super) fn check_decision(&self, asked: &Asked, decision: &Decision) -> Result<(), PluginFault> {
        let mut idle = asked.idle.clone();
        let mut taken = BTreeSet::new();
        for action in &decision.actions {
            let worker = match action {
                Action::Start { worker, .. } | Action::Duplicate { worker, .. } => *worker,
                Action::Release(worker) => *worker,
            };
            if !idle.remove(&worker) {
                return Err(bad_answer(&format!("worker {worker} was not idle")));
            }
            match action {
                Action::Start { tests, .. } => self.check_group(tests, &mut taken)?,
                Action::Duplicate { test, .. } => self.check_known(*test)?,
                Action::Release(_) => {}
            }
        }
        Ok(())
    }

    fn check_known(&self, test: u32) -> Result<(), PluginFault> {
        if (test as usize) < self.facts.tests.len() {
            return Ok(());
        }
        Err(bad_answer(&format!("there is no test {test}")))
    }

    fn check_group(&self, tests: &[u32], taken: &mut BTreeSet<u32>) -> Result<(), PluginFault> {
        if tests.is_empty() {
            return Err(bad_answer("a group without a test"));
        }
        for &test in tests {
            self.check_known(test)?;
            let index = TestIndex(test);
            let name = &self.facts.test(index).test.name;
            if !taken.insert(test) {
                return Err(bad_answer(&format!("test `{name}` is started twice")));
            }
            let moved = self.live.policy.changes.get(&index).copied().unwrap_or(0);
            if !self.live.waiting.contains(&index) && moved < self.live.policy.questions {
                return Err(bad_answer(&format!("test `{name}` was not waiting")));
            }
        }
        self.check_merge(tests)
    }

    /// Tests of one exec share a merge key or a unit; a unit is whole and in listed order.
    fn check_merge(&self, tests: &[u32]) -> Result<(), PluginFault> {
        let test = |index: &u32| &self.facts.test(TestIndex(*index)).test;
        let first = test(&tests[0]);
        let one_unit = first.unit.is_some() && tests.iter().all(|index| test(index).unit == first.unit);
        for index in &tests[1..] {
            let facts = self.facts.test(TestIndex(*index));
            let key = first.merge_key.is_some() && facts.test.merge_key == first.merge_key;
            let alone = facts.test.alone.is_some() || first.alone.is_some();
            if !one_unit && (!key || alone) {
                let names = format!("`{}` and `{}`", first.name, facts.test.name);
                return Err(bad_answer(&format!("tests {names} may not share an exec")));
            }
        }
        let max_group = |index: &u32| self.facts.test(TestIndex(*index)).max_group;
        let crowded = tests.iter().find(|index| max_group(index).is_some_and(|most| tests.len() > most as usize));
        if let Some(index) = crowded.filter(|_| !one_unit) {
            let (name, count) = (&test(index).name, tests.len());
            return Err(bad_answer(&format!("test `{name}` is tried again and may not be one of {count}")));
        }
        let units: BTreeSet<&String> = tests.iter().filter_map(|index| test(index).unit.as_ref()).collect();
        for unit in units {
            let of_unit = |index: &&u32| test(index).unit.as_ref() == Some(unit);
            let started: Vec<u32> = tests.iter().filter(of_unit).copied().collect();
            let waiting = self.live.waiting.iter().map(|index| index.0);
            let whole: Vec<u32> = waiting.filter(|index| test(index).unit.as_ref() == Some(unit)).collect();
            if whole.iter().any(|index| !started.contains(index)) {
                return Err(bad_answer(&format!("unit `{unit}` is torn apart")));
            }
            if !started.is_sorted() {
                return Err(bad_answer(&format!("unit `{unit}` is not in listed order")));
            }
        }
        Ok(())
    }
}

/// The fault of a policy that answers so.
pub(super) fn bad_answer(detail: &str) -> PluginFault {
    PluginFault { kind: PluginFaultKind::BadAnswer, detail: detail.to_owned() }
}
