//! The end of a build: whatever ends it goes through here, and leaves every test with a verdict and no machine held.

use super::{Build, LeaseState};
use crate::engine::Step;
use crate::{Certificate, Effect, Fact, LeaseId, Outcome, Phase, TestFacts, Time, Verdict, VerdictKind};

impl Build {
    /// Someone wants it stopped.
    pub(crate) fn cancel(&mut self, step: &mut Step, cause: String) {
        if self.facts.ended.is_some() || self.facts.cancel.is_some() {
            return;
        }
        self.record(step, Fact::CancelAsked { cause: cause.clone() });
        self.live.closing = Some(Outcome::Canceled { cause });
    }

    /// Its turn is to come earlier or later.
    pub(crate) fn change_priority(&mut self, step: &mut Step, priority: i32) {
        if self.facts.ended.is_none() && self.facts.priority != priority {
            self.record(step, Fact::PriorityChanged { priority });
        }
    }

    pub(super) fn build_deadline(&self) -> Option<Time> {
        // Waiting in the queue does not count; a restart does not make it longer.
        let (_, from) = *self.facts.phases.first()?;
        self.live.closing.is_none().then(|| from.plus(self.facts.spec.limits.build))
    }

    pub(super) fn watch_limits(&mut self, step: &mut Step) {
        if self.build_deadline().is_some_and(|at| at <= step.now) {
            let limit = self.facts.spec.limits.build.as_secs();
            self.errored(step, format!("the build ran over its limit of {limit} s"));
        }
        self.watch_tests(step);
    }

    /// Every test has its verdict and no copy runs; groups that failed as a whole have found who was to blame.
    pub(super) fn all_over(&mut self, step: &mut Step) -> bool {
        if !self.live.waiting.is_empty() || !self.live.attempts.is_empty() || !self.facts.all_judged() {
            return false;
        }
        self.settle_blames(step);
        let is = |test: &TestFacts, kind| test.verdict.as_ref().is_some_and(|verdict| verdict.kind == kind);
        let count = |kind| self.facts.tests.iter().filter(|test| is(test, kind)).count();
        let (lost, failed) = (count(VerdictKind::Lost), count(VerdictKind::Failed));
        self.live.closing = Some(match (lost, failed) {
            (0, 0) => Outcome::Passed,
            (0, 1) => Outcome::Failed { cause: "1 test failed".into() },
            (0, n) => Outcome::Failed { cause: format!("{n} tests failed") },
            (1, _) => Outcome::Errored { cause: "1 test was lost".into() },
            (n, _) => Outcome::Errored { cause: format!("{n} tests were lost") },
        });
        true
    }

    /// The tests have run, and only the end was not recorded.
    pub(super) fn is_through(&self) -> bool {
        self.facts.phase() == Phase::Test && self.facts.all_judged()
    }

    /// How a build ends whose first failure ends it, if it has one.
    pub(super) fn failed_fast(&self) -> Option<Outcome> {
        let failed = |facts: &&TestFacts| {
            let by = facts.verdict.as_ref().filter(|verdict| verdict.kind == VerdictKind::Failed);
            by.is_some_and(|verdict| !(facts.added && self.may_yet_pass(verdict.attempt)))
        };
        let first = self.facts.tests.iter().find(failed).filter(|_| self.facts.spec.fail_fast)?;
        let cause = format!("test `{}` failed, and the first failure ends this build", first.test.name);
        Some(Outcome::Failed { cause })
    }

    fn settle_blames(&mut self, step: &mut Step) {
        for (tests, text) in self.facts.blames.clone() {
            let owned = tests.iter().any(|index| {
                let verdict = self.facts.test(*index).verdict.as_ref();
                verdict.is_some_and(|v| matches!(v.kind, VerdictKind::Failed | VerdictKind::Flaky | VerdictKind::Lost))
            });
            if !owned {
                self.add_group_failure(step, None, &tests, &text);
            }
        }
    }

    /// Calls back what is under way, and ends the build once its attempts have ended.
    pub(super) fn close(&mut self, step: &mut Step) {
        let asked = self.live.policy.asked.take().map(|asked| asked.op);
        for op in self.live.phase_op.take().into_iter().chain(self.live.helpers.op.take()).chain(asked) {
            step.effects.push(Effect::Cancel(op));
        }
        self.stop_adopting(step);
        for attempt in self.live.attempts.keys().copied().collect::<Vec<_>>() {
            self.call_back(step, attempt);
        }
        let idle: Vec<LeaseId> = self
            .live
            .leases
            .iter()
            .filter(|(_, lease)| !matches!(lease.state, LeaseState::Busy(_)))
            .map(|(id, _)| *id)
            .collect();
        for lease in idle {
            self.end_lease(step, lease, None);
        }
        if self.live.attempts.is_empty() {
            self.end(step);
        }
    }

    fn end(&mut self, step: &mut Step) {
        let Some(outcome) = self.live.closing.clone() else { return };
        let cause = match &outcome {
            Outcome::Passed => "the build ended".to_owned(),
            Outcome::Failed { cause } | Outcome::Errored { cause } => cause.clone(),
            Outcome::Canceled { cause } => format!("canceled: {cause}"),
        };
        for index in self.facts.indices() {
            if self.facts.test(index).verdict.is_none() {
                let verdict =
                    Verdict { kind: VerdictKind::NotRun, cause: cause.clone(), duration: None, attempt: None };
                self.record(step, Fact::Verdict { test: index, verdict });
            }
        }
        self.live.waiting.clear();
        self.publish(step);
        let certificate = Box::new(Certificate::of(&self.facts, step.now));
        self.record(step, Fact::PhaseBegan(Phase::Done));
        self.record(step, Fact::Ended { outcome, certificate });
    }
}
