//! Attempts: started, attached to again, ended.

use std::time::Duration;

use super::{Build, LeaseState, LiveAttempt};
use crate::engine::Step;
use crate::judge::{judge, judge_called_back};
use crate::policy::Observed;
use crate::{
    AttemptEnd, AttemptId, CommandEnd, Effect, ExecFailure, ExecFailureKind, Fact, LeaseId, OpId, Task, TestFacts,
    TestIndex,
};

/// Beyond the limit of an attempt, until its end must have been told.
pub(super) const END_GRACE: Duration = Duration::from_secs(60);

/// The least that an attempt is given when it is attached to: what it said before, its end included, is read again.
const REPLAY: Duration = Duration::from_secs(60);

impl Build {
    fn limit_of_group(&self, tests: &[TestIndex]) -> Duration {
        let sum = tests.iter().fold(Duration::ZERO, |sum, test| sum.saturating_add(self.limit_of(*test)));
        sum.min(self.facts.spec.limits.build)
    }

    pub(super) fn start_attempt(&mut self, step: &mut Step, lease: LeaseId, tests: Vec<TestIndex>) {
        let attempt = step.shared.next_attempt();
        self.record(step, Fact::AttemptStarted { attempt, lease, tests: tests.clone() });
        let limit = self.limit_of_group(&tests);
        let task = Task::RunGroup { attempt, lease, tests: tests.clone(), limit };
        let op = self.order(step, task, limit + END_GRACE);
        self.set_state(lease, LeaseState::Busy(attempt));
        self.goes_on(attempt, op, lease, tests);
    }

    /// An attempt is under way, and so are its tests.
    pub(super) fn goes_on(&mut self, attempt: AttemptId, op: OpId, lease: LeaseId, tests: Vec<TestIndex>) {
        for test in &tests {
            self.live.waiting.remove(test);
            self.live.running.entry(*test).or_default().push(attempt);
            self.note_change(*test);
        }
        let called = self.facts.attempts.get(&attempt).and_then(|facts| facts.called_back);
        let timed_out = called.and_then(|called| called.overdue);
        let live = LiveAttempt { op, lease, tests, open: None, timed_out, called_back: called.is_some() };
        self.live.attempts.insert(attempt, live);
    }

    /// Its machine answers a restarted coordinator: the attempt goes on under its own number.
    pub(super) fn attach(&mut self, step: &mut Step, lease: LeaseId, attempt: AttemptId) {
        let Some(facts) = self.facts.attempts.get(&attempt) else { return };
        let tests = facts.tests.clone();
        let left = self.limit_of_group(&tests).saturating_sub(step.now.since(facts.started)).max(REPLAY);
        let op = self.order(step, Task::RunGroup { attempt, lease, tests, limit: left }, left + END_GRACE);
        self.set_state(lease, LeaseState::Busy(attempt));
        let Some(live) = self.live.attempts.get_mut(&attempt) else { return };
        live.op = op;
        if live.called_back {
            step.effects.push(Effect::Cancel(op));
            step.shared.ops.hasten(op, step.now.plus(END_GRACE));
        }
    }

    pub(super) fn note_change(&mut self, test: TestIndex) {
        let questions = self.live.policy.questions;
        self.live.policy.changes.insert(test, questions);
    }

    pub(super) fn attempt_ended(&mut self, step: &mut Step, attempt: AttemptId, mut end: AttemptEnd) {
        let Some(live) = self.live.attempts.remove(&attempt) else { return };
        // Of tests of other groups only their own attempts tell.
        end.reports.retain(|report| {
            let known = self.facts.find_test(&report.name);
            known.is_none_or(|index| live.tests.contains(&index) || self.facts.test(index).added)
        });
        let failure = end.end.as_ref().err().cloned();
        let gone = failure.as_ref().is_some_and(|failure| is_gone(failure.kind));
        let members: Vec<(TestIndex, &TestFacts)> =
            live.tests.iter().map(|index| (*index, self.facts.test(*index))).collect();
        let beaten = |name: &String| end.reports.iter().any(|report| report.name == *name);
        let over = live.timed_out.map(|test| &self.facts.test(test).test.name).filter(|name| !gone && !beaten(name));
        let tries = self.facts.spec.limits.exec_failures;
        let judgement = if let Some(over) = over {
            // We ended it, because of this test: that is the command's end.
            end.end = Ok(CommandEnd::TimedOut);
            end.open = Some(over.clone());
            end.parsed = true;
            judge(&members, &end, tries)
        } else if live.called_back && !gone && !end.end.as_ref().is_ok_and(CommandEnd::is_success) {
            judge_called_back(&members, &end)
        } else {
            judge(&members, &end, tries)
        };
        let AttemptEnd { end: how, took, overhead, notes, .. } = end;
        self.record(step, Fact::AttemptEnded { attempt, end: how, took, overhead, notes });
        for test in &live.tests {
            if let Some(attempts) = self.live.running.get_mut(test) {
                attempts.retain(|other| *other != attempt);
                if attempts.is_empty() {
                    self.live.running.remove(test);
                }
            }
        }
        self.take_judgement(step, attempt, &live, judgement, took);
        self.free_worker(step, live.lease, attempt, failure.filter(|_| gone || !live.called_back));
        self.tell_overhead();
    }

    /// The machine is idle again; one that failed us is given up.
    fn free_worker(&mut self, step: &mut Step, lease: LeaseId, attempt: AttemptId, failure: Option<ExecFailure>) {
        let busy = self.live.leases.get(&lease).is_some_and(|live| live.state == LeaseState::Busy(attempt));
        if !busy {
            return;
        }
        self.set_state(lease, LeaseState::Idle);
        if let Some(failure) = failure {
            self.end_lease(step, lease, Some(failure));
        }
    }

    /// Tells the policy what an exec costs, when that changed.
    fn tell_overhead(&mut self) {
        let now = self.overhead();
        if overhead_to_tell(now, self.live.policy.told_overhead) {
            self.live.policy.told_overhead = now;
            self.observe(Observed::ExecOverhead(now));
        }
    }
}

/// Whether a policy is told what an exec costs now: when that changed by more than a tenth.
pub(super) fn overhead_to_tell(now: Duration, told: Duration) -> bool {
    now.abs_diff(told) * 10 > told
}

/// Whether nothing more can be known of what ran on the machine.
fn is_gone(kind: ExecFailureKind) -> bool {
    matches!(kind, ExecFailureKind::MachineLost | ExecFailureKind::CoordinatorStopped)
}
