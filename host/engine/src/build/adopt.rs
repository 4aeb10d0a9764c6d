//! After a restart: the machines of before are asked for under their old numbers, and what they did goes on.
//!
//! Until a machine answers, its attempt is under way (its tests are not started elsewhere) and has the question to the
//! machine as its effect. One that answers is attached to again; one that refuses, or says nothing until the limit, is
//! given up without a word against its tests.

use std::time::Duration;

use super::leases::worker_id;
use super::{Build, LeaseState, LiveLease};
use crate::engine::Step;
use crate::policy::Observed;
use crate::{AttemptEnd, AttemptId, ExecFailure, ExecFailureKind, Fact, LeaseId, Outcome, Phase, Record, Role, Task};

impl Build {
    /// After a restart, with the build's records. Machines of before are waited for this long; without a limit they are
    /// given up at once.
    pub(crate) fn recover(&mut self, step: &mut Step, adoption: Option<Duration>, records: &[&Record]) {
        self.choose_policy();
        self.retell(records);
        let canceled = self.facts.cancel.clone().map(|cause| Outcome::Canceled { cause });
        self.live.closing = canceled.or_else(|| self.failed_fast());
        self.watch_limits(step);
        let runs = self.facts.attempts.values().any(|attempt| attempt.ended.is_none());
        let over = self.live.closing.is_some() || (self.is_through() && !runs);
        match adoption {
            _ if self.facts.phase() == Phase::Queue => {}
            Some(limit) if !over => self.take_up(step, limit),
            Some(_) | None => {
                self.close_former_life(step);
                if self.live.closing.is_none() && !self.is_through() {
                    self.begin(step);
                }
            }
        }
    }

    /// Goes on in the phase of before.
    fn take_up(&mut self, step: &mut Step, limit: Duration) {
        self.ask_for_former_machines(step, limit);
        self.live.helpers.changed = true;
        match (self.facts.phase(), self.live.main) {
            (Phase::Test, _) => self.take_up_tests(step),
            (_, Some(_)) => {}
            (Phase::Acquire, None) => self.ask_for_main(step),
            (_, None) => self.acquire_main(step),
        }
    }

    fn ask_for_former_machines(&mut self, step: &mut Step, limit: Duration) {
        let held: Vec<LeaseId> = self.facts.held().collect();
        self.record(step, Fact::Restarted { leases: held.clone() });
        for lease in held {
            let facts = &self.facts.leases[&lease];
            let (role, machine) = (facts.role, facts.machine.clone());
            let op = self.order(step, Task::AdoptLease { lease, role, machine }, limit);
            let main = role == Role::Main;
            if main {
                self.live.main = Some(lease);
            } else {
                self.live.helpers.asked += 1;
            }
            self.live.leases.insert(lease, LiveLease { main, state: LeaseState::Adopting(op) });
        }
    }

    /// Every test has its verdict, waits, or runs on as it did.
    fn take_up_tests(&mut self, step: &mut Step) {
        let open = self.facts.indices().filter(|index| self.facts.test(*index).verdict.is_none());
        self.live.waiting = open.collect();
        let attempts = self.facts.attempts.iter().filter(|(_, facts)| facts.ended.is_none());
        let attempts: Vec<(AttemptId, LeaseId)> = attempts.map(|(id, facts)| (*id, facts.lease)).collect();
        for (attempt, lease) in attempts {
            let asked = self.live.leases.get(&lease).and_then(|live| live.state.adopting());
            match asked {
                Some(op) => self.goes_on(attempt, op, lease, self.facts.attempts[&attempt].tests.clone()),
                None => self.end_unseen(step, attempt, ExecFailure::new(ExecFailureKind::CoordinatorStopped, "")),
            }
        }
        self.live.policy.changed = true;
    }

    /// The machine of before answers: what it did is ordered again, which attaches to what still runs there.
    pub(super) fn lease_adopted(&mut self, step: &mut Step, lease: LeaseId) {
        let Some(main) = self.adopting(lease) else { return };
        self.record(step, Fact::LeaseAdopted { lease });
        let ready = self.facts.leases[&lease].ready.is_some();
        let attempt = self.live.attempts.iter().find(|(_, live)| live.lease == lease).map(|(id, _)| *id);
        if main && self.facts.phase() != Phase::Test {
            self.set_state(lease, LeaseState::Making);
            self.resume(step, lease);
        } else if let Some(attempt) = attempt {
            self.attach(step, lease, attempt);
        } else if ready {
            self.set_state(lease, LeaseState::Idle);
            self.live.policy.changed = true;
        } else {
            self.set_state(lease, LeaseState::Bare);
        }
    }

    /// The machine of before is not ours any more, or says nothing.
    pub(super) fn lease_not_adopted(&mut self, step: &mut Step, lease: LeaseId, cause: &ExecFailure) {
        let Some(main) = self.adopting(lease) else { return };
        let failure = ExecFailure::new(ExecFailureKind::CoordinatorStopped, format!("not taken up again: {cause}"));
        self.end_attempts_of(step, lease, &failure);
        self.end_lease(step, lease, Some(failure));
        if main && self.facts.phase() != Phase::Test && self.live.closing.is_none() {
            self.acquire_main(step);
        }
    }

    /// A build that ends waits for no machine to answer.
    pub(super) fn stop_adopting(&mut self, step: &mut Step) {
        let asked = self.live.leases.iter().filter(|(_, live)| live.state.adopting().is_some());
        let failure = ExecFailure::new(ExecFailureKind::CoordinatorStopped, "not taken up again: the build ends");
        for lease in asked.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end_attempts_of(step, lease, &failure);
            self.end_lease(step, lease, None);
        }
    }

    /// Whether a machine that is asked for is the main one; none if it is not asked for.
    fn adopting(&self, lease: LeaseId) -> Option<bool> {
        self.live.leases.get(&lease).filter(|live| live.state.adopting().is_some()).map(|live| live.main)
    }

    fn end_attempts_of(&mut self, step: &mut Step, lease: LeaseId, failure: &ExecFailure) {
        let there = self.live.attempts.iter().filter(|(_, live)| live.lease == lease);
        for attempt in there.map(|(id, _)| *id).collect::<Vec<_>>() {
            let took = step.now.since(self.facts.attempts[&attempt].started);
            self.attempt_ended(step, attempt, AttemptEnd { took, ..AttemptEnd::unseen(failure.clone()) });
        }
    }

    /// Gives up what a former life of the engine held.
    fn close_former_life(&mut self, step: &mut Step) {
        let stopped = ExecFailure::new(ExecFailureKind::CoordinatorStopped, "");
        let open: Vec<_> = self.facts.attempts.iter().filter(|(_, a)| a.ended.is_none()).map(|(id, _)| *id).collect();
        for attempt in open {
            self.end_unseen(step, attempt, stopped.clone());
        }
        for lease in self.facts.held().collect::<Vec<_>>() {
            // Not counted as a loss: nothing is wrong with the machine.
            let ready = self.facts.leases[&lease].ready.is_some();
            self.record(step, Fact::LeaseEnded { lease, lost: None });
            if ready {
                self.observe(Observed::Left(worker_id(lease)));
            }
            step.release(self.facts.spec.build, lease, false);
        }
    }

    /// An attempt of which this life of the engine knows no more than that it began.
    fn end_unseen(&mut self, step: &mut Step, attempt: AttemptId, failure: ExecFailure) {
        let took = step.now.since(self.facts.attempts[&attempt].started);
        self.record(step, Fact::AttemptEnded { attempt, end: Err(failure), took, overhead: None, notes: Vec::new() });
        let tests = self.facts.attempts[&attempt].tests.iter();
        let open = tests.filter(|test| self.facts.test(**test).verdict.is_none()).map(|test| test.0).collect();
        self.observe(Observed::Returned { tests: open, max_group: None });
    }
}
