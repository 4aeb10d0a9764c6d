//! Attempts are watched while they run: one whose test is over its limit is called back.

use std::time::Duration;

use super::attempts::END_GRACE;
use super::{Build, LiveAttempt};
use crate::engine::Step;
use crate::{AttemptId, Effect, Fact, TestIndex, Time};

impl Build {
    /// How long this test may run.
    pub(super) fn limit_of(&self, test: TestIndex) -> Duration {
        self.facts.test(test).test.timeout.unwrap_or(self.facts.spec.limits.test)
    }

    pub(crate) fn test_started(&mut self, now: Time, attempt: AttemptId, name: &str) {
        let Some(live) = self.live.attempts.get_mut(&attempt) else { return };
        let open = live.tests.iter().find(|index| self.facts.test(**index).test.name == name);
        live.open = open.map(|index| (*index, now));
    }

    pub(crate) fn test_ended(&mut self, attempt: AttemptId, name: &str) {
        let Some(live) = self.live.attempts.get_mut(&attempt) else { return };
        if live.open.is_some_and(|(index, _)| self.facts.test(index).test.name == name) {
            live.open = None;
        }
    }

    /// Its output is not read: the time of the attempt, and that of its running test, begins anew.
    pub(crate) fn attempt_held(&mut self, step: &mut Step, attempt: AttemptId) {
        let Some(live) = self.live.attempts.get_mut(&attempt).filter(|live| !live.called_back) else { return };
        if let Some((_, since)) = &mut live.open {
            *since = step.now;
        }
        step.shared.ops.begun(live.op, step.now);
    }

    /// When the test that runs in this attempt is over its limit.
    pub(super) fn open_deadline(&self, attempt: &LiveAttempt) -> Option<Time> {
        let (test, since) = attempt.open?;
        (!attempt.called_back).then(|| since.plus(self.limit_of(test)))
    }

    /// Calls back attempts whose running test is over its limit.
    pub(super) fn watch_tests(&mut self, step: &mut Step) {
        let over = |(id, live): (&AttemptId, &LiveAttempt)| {
            self.open_deadline(live).is_some_and(|at| at <= step.now).then_some(*id)
        };
        let over: Vec<AttemptId> = self.live.attempts.iter().filter_map(over).collect();
        for attempt in over {
            if let Some(live) = self.live.attempts.get_mut(&attempt) {
                live.timed_out = live.open.map(|(test, _)| test);
            }
            self.call_back(step, attempt);
        }
    }

    /// Ends an attempt soon; its answer still comes.
    pub(super) fn call_back(&mut self, step: &mut Step, attempt: AttemptId) {
        let Some(live) = self.live.attempts.get_mut(&attempt) else { return };
        if live.called_back {
            return;
        }
        live.called_back = true;
        let (op, overdue) = (live.op, live.timed_out);
        // Recorded before it is done: whoever attaches to it later must know who killed it.
        self.record(step, Fact::AttemptCalledBack { attempt, overdue });
        step.effects.push(Effect::Cancel(op));
        step.shared.ops.hasten(op, step.now.plus(END_GRACE));
    }
}
