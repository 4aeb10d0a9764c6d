//! Tests that nobody had listed: names that attempts told of, and failures of whole groups.

use super::Build;
use crate::engine::Step;
use crate::{AttemptId, Fact, Report, Status, Test, TestIndex, Verdict, VerdictKind};

impl Build {
    /// A name that is not of the group, and of no other.
    pub(super) fn add_reported(&mut self, step: &mut Step, attempt: AttemptId, report: Report) {
        if let Some(known) = self.facts.find_test(&report.name) {
            return self.report_again(step, known, attempt, report);
        }
        let (suite, case) = (report.suite.clone(), report.case.clone());
        let index = self.add(step, Test { name: report.name.clone(), suite, case, ..Test::default() });
        let kind = match report.status {
            Status::Passed => VerdictKind::Passed,
            Status::Failed => VerdictKind::Failed,
            Status::Skipped => VerdictKind::Skipped,
        };
        let verdict = Verdict { kind, cause: report.message, duration: report.duration, attempt: Some(attempt) };
        self.give_added(step, index, verdict);
    }

    /// Another attempt told of it, too: all that was told decides, in whichever order it came. The attempt of its verdict
    /// stays, as in every verdict, so that the order of the log is known once.
    fn report_again(&mut self, step: &mut Step, index: TestIndex, attempt: AttemptId, report: Report) {
        let Some(earlier) = self.facts.test(index).verdict.clone() else { return };
        self.record(step, Fact::ToldAgain { test: index, attempt, status: report.status });
        let kind = self.told_verdict(index);
        if kind == earlier.kind {
            return;
        }
        // Of a failure the first message is told; why it was skipped elsewhere is not why it passed.
        let news = kind == VerdictKind::Passed || earlier.kind != VerdictKind::Failed;
        let cause = if news { report.message } else { earlier.cause };
        self.give_added(step, index, Verdict { kind, cause, ..earlier });
    }

    /// A failure counts, unless one that passed undoes it.
    fn told_verdict(&self, index: TestIndex) -> VerdictKind {
        let told = &self.facts.test(index).told;
        let by = |wanted: Status| told.iter().filter(move |(_, status)| *status == wanted).map(|(attempt, _)| *attempt);
        let stands = |failed: AttemptId| !by(Status::Passed).any(|passed| self.undoes(passed, failed));
        match (by(Status::Failed).any(stands), by(Status::Failed).next(), by(Status::Passed).next()) {
            (true, ..) => VerdictKind::Failed,
            (false, Some(_), _) => VerdictKind::Flaky,
            (false, None, Some(_)) => VerdictKind::Passed,
            (false, None, None) => VerdictKind::Skipped,
        }
    }

    /// Whether what passed in one attempt makes what failed in another flaky, as it would a test of both: where retries
    /// are asked for (even if another test brought their command down: a failure counts, and may be tried again), and
    /// where they are copies. Attempts that have no test in common tell of different things under one name.
    fn undoes(&self, passed: AttemptId, failed: AttemptId) -> bool {
        let attempts = &self.facts.attempts;
        let (Some(passed), Some(failed)) = (attempts.get(&passed), attempts.get(&failed)) else { return false };
        let again = self.facts.spec.retries > 0 || passed.overlaps(failed);
        again && passed.tests.iter().any(|test| failed.tests.contains(test))
    }

    fn give_added(&mut self, step: &mut Step, index: TestIndex, verdict: Verdict) {
        if self.may_yet_pass(verdict.attempt) {
            self.settle(step, index, verdict);
        } else {
            self.give_verdict(step, index, verdict);
        }
    }

    /// What failed in an attempt, and is no test of it, may pass along with one that is tried again.
    pub(super) fn may_yet_pass(&self, attempt: Option<AttemptId>) -> bool {
        let facts = attempt.and_then(|attempt| self.facts.attempts.get(&attempt));
        let open = |index: &TestIndex| self.facts.test(*index).verdict.is_none();
        self.facts.spec.retries > 0 && facts.is_some_and(|facts| facts.tests.iter().any(open))
    }

    /// A failure that no single test owns stands for itself.
    pub(super) fn add_group_failure(
        &mut self,
        step: &mut Step,
        attempt: Option<AttemptId>,
        tests: &[TestIndex],
        text: &str,
    ) {
        let Some(first) = tests.first() else { return };
        let first = &self.facts.test(*first).test;
        let name = format!("{} (group of {})", first.name, tests.len());
        let mut named = Test { name, suite: first.suite.clone(), ..Test::default() };
        while self.facts.find_test(&named.name).is_some() {
            named.name.push('\'');
        }
        named.case = named.name.clone();
        let index = self.add(step, named);
        let cause = format!("no test of the group failed, but its command did: {text}");
        self.give_verdict(step, index, Verdict { kind: VerdictKind::Failed, cause, duration: None, attempt });
    }

    fn add(&mut self, step: &mut Step, test: Test) -> TestIndex {
        let index = TestIndex(u32::try_from(self.facts.tests.len()).expect("tests are counted in 32 bits"));
        self.record(step, Fact::TestAdded(test));
        index
    }
}
