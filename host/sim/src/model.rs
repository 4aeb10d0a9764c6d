//! A naive model of what verdicts are allowed, by what the fleet really did to each test and what was told of it.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    Answer, AttemptEnd, AttemptId, BuildFacts, BuildId, CommandEnd, Event, ExecFailure, Outcome, Status, TestFacts,
    TestIndex, VerdictKind,
};

use crate::check::Checker;
use crate::plan::{BuildPlan, ListPlan, Nature, Plan, Scripted, TestPlan};
use crate::strangers::Strangers;

/// What is known for and against a test.
#[derive(Clone, Debug, Default)]
struct Evidence {
    passed: u32,
    failed: u32,
    skipped: u32,
    /// Ended well without a word of it.
    unmentioned: u32,
    /// Its command ended badly, and it may be to blame.
    blamed: u32,
}

/// What happened, apart from the engine's own account of it.
#[derive(Debug, Default)]
pub(crate) struct Model {
    evidence: BTreeMap<(BuildId, TestIndex), Evidence>,
    /// Something went wrong on the way.
    troubled: BTreeSet<BuildId>,
    /// A machine lied, or nobody could read the output.
    lied: BTreeSet<BuildId>,
    /// The answer that the engine is being told, if it is one to an exec.
    told: Option<AttemptEnd>,
    strict: bool,
    strangers: Strangers,
}

impl Model {
    pub(crate) fn new(plan: &Plan) -> Model {
        let quiet = plan.faults.slow == 0 && plan.faults.unparsed == 0;
        let restarts = plan.script.iter().any(|(_, what)| !matches!(what, Scripted::Cancel(..) | Scripted::Prefer(..)));
        Model { strict: quiet && !restarts, ..Model::default() }
    }

    pub(crate) fn trouble(&mut self, build: BuildId) {
        self.troubled.insert(build);
    }

    pub(crate) fn trouble_for_all(&mut self) {
        self.strict = false;
    }

    pub(crate) fn lied(&mut self, build: BuildId) {
        self.lied.insert(build);
        self.troubled.insert(build);
    }

    pub(crate) fn restarted(&mut self) {
        self.told = None;
    }

    /// The engine is about to be told this.
    pub(crate) fn told(&mut self, event: &Event) {
        self.told = match event {
            Event::Answered { answer: Answer::AttemptEnded(end), .. } => Some(end.as_ref().clone()),
            _ => None,
        };
    }

    /// An attempt ended.
    pub(crate) fn attempt_ended(
        &mut self,
        facts: &BuildFacts,
        attempt: AttemptId,
        how: &Result<CommandEnd, ExecFailure>,
    ) {
        let build = facts.spec.build;
        let told = self.told.clone();
        self.strangers.attempt_ended(facts, attempt, told.as_ref(), how);
        let tests = facts.attempts.get(&attempt).map_or(&[][..], |attempt| &attempt.tests);
        for test in tests {
            let name = &facts.test(*test).test.name;
            let evidence = self.evidence.entry((build, *test)).or_default();
            let reports: Vec<Status> = told
                .iter()
                .flat_map(|end| &end.reports)
                .filter(|report| report.name == *name)
                .map(|report| report.status)
                .collect();
            evidence.passed += count(&reports, Status::Passed);
            evidence.failed += count(&reports, Status::Failed);
            evidence.skipped += count(&reports, Status::Skipped);
            let Ok(end) = how else { continue };
            let parsed = told.as_ref().is_some_and(|end| end.parsed);
            if !parsed && end.is_success() {
                evidence.passed += 1;
            } else if reports.is_empty() && end.is_success() {
                evidence.unmentioned += 1;
            } else if reports.is_empty() {
                evidence.blamed += 1;
                evidence.unmentioned += 1;
            }
        }
    }

    /// Every verdict and every outcome is one that can be accounted for.
    pub(crate) fn check(&self, checker: &Checker, plan: &Plan, canceled: &BTreeSet<BuildId>) -> Result<(), String> {
        for facts in checker.builds() {
            let build = facts.spec.build;
            let planned = plan.builds.iter().find(|plan| plan.spec.build == build).expect("planned");
            let Some((_, outcome, certificate)) = &facts.ended else { continue };
            if certificate.tests != certificate.judged {
                return Err(format!("{build}: the certificate does not prove its verdicts"));
            }
            for index in facts.indices() {
                // What nobody listed may be a part of any test.
                let added = facts.test(index).added;
                let copied = checker.copies.iter().any(|(of, test)| *of == build && (*test == index || added));
                self.check_test(facts, index, planned, outcome, copied)?;
            }
            self.strangers.check(facts)?;
            let was_canceled = canceled.contains(&build);
            self.check_outcome(facts, planned, outcome, was_canceled)?;
        }
        Ok(())
    }

    fn check_test(
        &self,
        facts: &BuildFacts,
        index: TestIndex,
        planned: &BuildPlan,
        outcome: &Outcome,
        copied: bool,
    ) -> Result<(), String> {
        let build = facts.spec.build;
        let test = facts.test(index);
        let name = &test.test.name;
        let Some(verdict) = &test.verdict else { return Err(format!("{build}: {name} has no verdict")) };
        let evidence = self.evidence.get(&(build, index)).cloned().unwrap_or_default();
        let limit = facts.spec.limits.exec_failures as usize;
        let failures = test.exec_failures.len();
        let earned = match verdict.kind {
            VerdictKind::Passed => test.added || evidence.passed > 0,
            VerdictKind::Failed => test.added || evidence.failed > 0 || evidence.blamed > 0 || evidence.unmentioned > 1,
            VerdictKind::Flaky => {
                let failed = evidence.failed > 0 || evidence.blamed > 0 || evidence.unmentioned > 1;
                (test.added && (facts.spec.retries > 0 || copied)) || (evidence.passed > 0 && failed)
            }
            VerdictKind::Skipped => test.added || test.test.skip.is_some() || evidence.skipped > 0,
            VerdictKind::Lost => failures == limit || (copied && failures > limit),
            VerdictKind::NotRun => *outcome != Outcome::Passed,
        };
        if !earned {
            return Err(format!("{build}: {name} is {}, which nothing accounts for: {evidence:?}", verdict.kind));
        }
        if verdict.kind != VerdictKind::Lost && failures >= limit && !copied && verdict.kind != VerdictKind::NotRun {
            return Err(format!("{build}: {name} had {failures} exec failures and is {}", verdict.kind));
        }
        let plan = planned.tests.iter().find(|plan| plan.test.name == *name);
        if let Some(plan) = plan.filter(|_| !self.lied.contains(&build)) {
            self.check_nature(build, plan, test, verdict.kind)?;
        }
        Ok(())
    }

    /// What an honest machine makes of a test.
    fn check_nature(&self, build: BuildId, plan: &TestPlan, test: &TestFacts, kind: VerdictKind) -> Result<(), String> {
        use VerdictKind::{Failed, Flaky, Lost, NotRun, Passed, Skipped};
        if test.test.skip.is_some() {
            let fine = matches!(kind, Skipped | NotRun);
            return if fine { Ok(()) } else { Err(format!("{build}: {} is {kind}, not skipped", test.test.name)) };
        }
        let allowed: &[VerdictKind] = match plan.nature {
            Nature::Passes | Nature::Kills(_) | Nature::Adds => &[Passed],
            Nature::Fails | Nature::Hangs | Nature::Crashes => &[Failed],
            Nature::Flaky(_) => &[Passed, Failed, Flaky],
            Nature::Skips => &[Skipped, Passed],
            // Passed where its output was read by the exit status alone, and flaky when that happens on a retry.
            Nature::Silent => &[Failed, Passed, Flaky],
            Nature::SpoilsExit => &[Passed, Failed, Flaky],
        };
        if allowed.contains(&kind) || matches!(kind, Lost | NotRun) {
            return Ok(());
        }
        Err(format!("{build}: {} {:?} and is {kind}", test.test.name, plan.nature))
    }

    fn check_outcome(
        &self,
        facts: &BuildFacts,
        plan: &BuildPlan,
        outcome: &Outcome,
        canceled: bool,
    ) -> Result<(), String> {
        let build = facts.spec.build;
        let is = |kind| facts.tests.iter().any(|t| t.verdict.as_ref().is_some_and(|v| v.kind == kind));
        let (failed, lost) = (is(VerdictKind::Failed), is(VerdictKind::Lost));
        let spec = &facts.spec;
        let bad_step = plan.make_fails || plan.list != ListPlan::Tests;
        let limited = spec.limits.build < std::time::Duration::from_secs(3600);
        let agrees = match outcome {
            Outcome::Passed => !failed && !lost && !is(VerdictKind::NotRun) && !facts.tests.is_empty(),
            Outcome::Failed { .. } => {
                (failed && (!lost || spec.fail_fast))
                    || (bad_step && facts.tests.is_empty())
                    || (spec.fail_fast && is(VerdictKind::Flaky))
            }
            Outcome::Errored { .. } => lost || bad_step || limited || self.troubled.contains(&build) || !self.strict,
            Outcome::Canceled { .. } => canceled,
        };
        if !agrees {
            return Err(format!("{build}: the outcome {outcome:?} does not agree with the verdicts"));
        }
        let exact = self.strict && !self.troubled.contains(&build) && !canceled && !bad_step && !limited;
        if exact && !spec.fail_fast && (is(VerdictKind::NotRun) || lost) {
            return Err(format!("{build}: nothing went wrong, and a test was not run"));
        }
        Ok(())
    }
}

fn count(reports: &[Status], status: Status) -> u32 {
    u32::try_from(reports.iter().filter(|one| **one == status).count()).unwrap_or(u32::MAX)
}
