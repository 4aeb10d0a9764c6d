//! After a restart a machine is given up only if it refused, or said nothing until the limit, or its build ends.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Answer, BuildFacts, ExecFailure, ExecFailureKind, LeaseId, Task, Time, VerdictKind};

/// What became of the machines of before.
#[derive(Debug, Default)]
pub(super) struct Adoption {
    limit: Option<Duration>,
    /// Asked in this life: when, and whether they answered that they still serve.
    asked: BTreeMap<LeaseId, (Time, Option<bool>)>,
}

impl Adoption {
    pub(super) fn new(limit: Option<Duration>) -> Adoption {
        Adoption { limit, asked: BTreeMap::new() }
    }

    pub(super) fn restarted(&mut self) {
        self.asked.clear();
    }

    /// A machine is asked; false if it was before.
    pub(super) fn asks(&mut self, lease: LeaseId, now: Time) -> bool {
        self.asked.insert(lease, (now, None)).is_none()
    }

    /// It answers.
    pub(super) fn answered(&mut self, task: &Task, answer: &Answer) {
        let Task::AdoptLease { lease, .. } = task else { return };
        if let Some((_, told)) = self.asked.get_mut(lease) {
            *told = Some(matches!(answer, Answer::LeaseGranted(_)));
        }
    }

    /// A machine, or what it did, ends with this failure.
    pub(super) fn given_up(
        &self,
        facts: &BuildFacts,
        lease: LeaseId,
        failure: Option<&ExecFailure>,
        now: Time,
    ) -> Result<(), String> {
        let stopped = failure.is_some_and(|failure| failure.kind == ExecFailureKind::CoordinatorStopped);
        let Some(limit) = self.limit.filter(|_| stopped && !ends(facts, now)) else { return Ok(()) };
        match self.asked.get(&lease) {
            None => Err(format!("{lease} is given up and was not asked for")),
            Some((_, Some(true))) => Err(format!("{lease} is given up, and its machine had answered")),
            Some((since, None)) if since.plus(limit) > now => {
                Err(format!("{lease} is given up {:?} after it was asked for", now.since(*since)))
            }
            Some((_, Some(false) | None)) => Ok(()),
        }
    }
}

/// Whether the build ends, whatever its machines do.
fn ends(facts: &BuildFacts, now: Time) -> bool {
    let failed = |test: &engine::TestFacts| test.verdict.as_ref().is_some_and(|v| v.kind == VerdictKind::Failed);
    let began = facts.phases.first().map(|(_, at)| *at);
    let over = began.is_some_and(|began| began.plus(facts.spec.limits.build) <= now);
    facts.cancel.is_some() || over || (facts.spec.fail_fast && facts.tests.iter().any(failed))
}
