//! What attempts told of names that nobody listed, and what that must come to in whichever order it came.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    AttemptEnd, AttemptFacts, AttemptId, BuildFacts, BuildId, CommandEnd, ExecFailure, Status, TestFacts, VerdictKind,
};

/// A name in a build.
type Name = (BuildId, String);

#[derive(Debug, Default)]
pub(crate) struct Strangers {
    told: BTreeMap<Name, BTreeMap<AttemptId, Status>>,
    /// Told by an attempt that was cut short: it may count, or not.
    unsure: BTreeSet<Name>,
}

impl Strangers {
    /// An attempt ended like this, and told that.
    pub(crate) fn attempt_ended(
        &mut self,
        facts: &BuildFacts,
        attempt: AttemptId,
        told: Option<&AttemptEnd>,
        how: &Result<CommandEnd, ExecFailure>,
    ) {
        let sure = matches!(how, Ok(end) if !matches!(end, CommandEnd::NotStarted(_)))
            && facts.attempts.get(&attempt).is_some_and(|attempt| attempt.called_back.is_none());
        for report in told.iter().flat_map(|end| &end.reports) {
            let name = (facts.spec.build, report.name.clone());
            if !sure {
                self.unsure.insert(name);
                continue;
            }
            let status = self.told.entry(name).or_default().entry(attempt).or_insert(report.status);
            if *status != Status::Failed {
                *status = report.status;
            }
        }
    }

    /// Every name has the verdict that all of this makes together.
    pub(crate) fn check(&self, facts: &BuildFacts) -> Result<(), String> {
        facts.tests.iter().filter(|test| test.added).try_for_each(|test| self.check_one(facts, test))
    }

    fn check_one(&self, facts: &BuildFacts, test: &TestFacts) -> Result<(), String> {
        let name = (facts.spec.build, test.test.name.clone());
        let Some(told) = self.told.get(&name).filter(|_| !self.unsure.contains(&name)) else { return Ok(()) };
        let of = |wanted| told.iter().filter(move |(_, status)| **status == wanted).map(|(id, _)| &facts.attempts[id]);
        let undone = |failed: &AttemptFacts| of(Status::Passed).any(|passed| is_again(facts, passed, failed));
        let wanted = if of(Status::Failed).any(|failed| !undone(failed)) {
            VerdictKind::Failed
        } else if of(Status::Failed).next().is_some() {
            VerdictKind::Flaky
        } else if of(Status::Passed).next().is_some() {
            VerdictKind::Passed
        } else {
            VerdictKind::Skipped
        };
        match test.verdict.as_ref().map(|verdict| verdict.kind) {
            Some(kind) if kind == wanted => Ok(()),
            kind => Err(format!("{}: {} is {kind:?}, not {wanted}: {told:?}", name.0, name.1)),
        }
    }
}

/// One test ran in both: tried again, or as copies.
fn is_again(facts: &BuildFacts, one: &AttemptFacts, other: &AttemptFacts) -> bool {
    let shared = one.tests.iter().any(|test| other.tests.contains(test));
    shared && (facts.spec.retries > 0 || one.overlaps(other))
}
