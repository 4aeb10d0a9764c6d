//! Claims: granted, ready, lost, given back. A machine that failed us once is never used again.

use super::{Build, LeaseState, LiveLease};
use crate::engine::Step;
use crate::policy::{Observed, Worker};
use crate::{ExecFailure, Fact, LeaseFacts, LeaseId, Machine, Outcome, Phase, Role};

impl Build {
    pub(super) fn set_state(&mut self, lease: LeaseId, state: LeaseState) {
        if let Some(live) = self.live.leases.get_mut(&lease) {
            live.state = state;
        }
    }

    pub(super) fn lease_granted(&mut self, step: &mut Step, lease: LeaseId, role: Role, machine: Machine) {
        let Some(live) = self.live.leases.get(&lease) else {
            // Nobody waits for it any more.
            step.release(self.facts.spec.build, lease, false);
            return;
        };
        let main = live.main;
        self.record(step, Fact::LeaseGranted { lease, role, machine });
        self.live.refusals = 0;
        self.set_state(lease, LeaseState::Bare);
        if main && self.facts.phase() != Phase::Test {
            self.main_granted(step, lease);
        }
        self.live.helpers.changed = true;
    }

    pub(super) fn lease_refused(&mut self, step: &mut Step, lease: LeaseId, role: Role, cause: ExecFailure) {
        let Some(live) = self.live.leases.remove(&lease) else { return };
        self.record(step, Fact::LeaseRefused { lease, role, cause: cause.clone() });
        if !live.main {
            return;
        }
        self.live.main = None;
        if self.facts.phase() == Phase::Test {
            self.live.refusals += 1;
        } else {
            self.errored(step, format!("get a main buildlet: {cause}"));
        }
    }

    /// A helper, or a main buildlet that replaces a lost one, has the tree or failed to get it.
    pub(super) fn helper_set_up(&mut self, step: &mut Step, lease: LeaseId, result: Result<(), ExecFailure>) {
        if !self.holds(lease) {
            return;
        }
        match result {
            // One that is ready before the tests are listed waits.
            Ok(()) => self.lease_ready(step, lease),
            Err(failure) => self.end_lease(step, lease, Some(failure)),
        }
    }

    /// The machine can test, and the policy is told.
    pub(super) fn lease_ready(&mut self, step: &mut Step, lease: LeaseId) {
        self.record(step, Fact::LeaseReady { lease });
        self.set_state(lease, LeaseState::Idle);
        let worker = self.worker(lease);
        self.observe(Observed::Joined(worker));
    }

    /// What a policy sees of a claim.
    pub(super) fn worker(&self, lease: LeaseId) -> Worker {
        seen(lease, &self.facts.leases[&lease], self.live.leases.get(&lease).is_some_and(|live| live.main))
    }

    /// The outside says the machine is gone. Its attempt, if it has one, ends by its own answer.
    pub(crate) fn machine_lost(&mut self, step: &mut Step, lease: LeaseId, cause: ExecFailure) {
        let Some(live) = self.live.leases.get(&lease) else { return };
        match live.state {
            LeaseState::Bare | LeaseState::Idle => self.end_lease(step, lease, Some(cause)),
            LeaseState::Asked(_)
            | LeaseState::Adopting(_)
            | LeaseState::SettingUp(_)
            | LeaseState::Busy(_)
            | LeaseState::Making => {}
        }
    }

    /// The claim is over: lost, or given back in order.
    pub(super) fn end_lease(&mut self, step: &mut Step, lease: LeaseId, lost: Option<ExecFailure>) {
        let Some(LiveLease { state, .. }) = self.live.leases.remove(&lease) else { return };
        if self.live.main == Some(lease) {
            self.live.main = None;
            self.live.phase_op = None;
        }
        if let LeaseState::Asked(op) | LeaseState::Adopting(op) | LeaseState::SettingUp(op) = state {
            step.effects.push(crate::Effect::Cancel(op));
        }
        if matches!(state, LeaseState::Asked(_)) {
            return;
        }
        let was_ready = self.facts.leases[&lease].ready.is_some();
        self.record(step, Fact::LeaseEnded { lease, lost: lost.clone() });
        // Of one that was asked whether it is still ours, and has not answered, nothing is known.
        step.release(self.facts.spec.build, lease, lost.is_some() || state.adopting().is_some());
        if was_ready {
            let id = worker_id(lease);
            self.observe(if lost.is_some() { Observed::Lost(id) } else { Observed::Left(id) });
        }
        self.live.helpers.changed = true;
    }

    /// In the test phase: a lost main buildlet is replaced, and a build without any machine does not wait for ever.
    pub(super) fn replace_machines(&mut self, step: &mut Step) {
        if self.live.main.is_some() || self.live.waiting.is_empty() {
            return;
        }
        let losses = self.facts.main_losses().saturating_add(self.live.refusals);
        let another = losses < self.facts.spec.limits.main_losses;
        if another && self.facts.snapshot.is_some() {
            self.ask_for_main(step);
        } else if another && self.live.leases.is_empty() {
            // There is no snapshot to go on from: the tree is made again.
            self.acquire_main(step);
        } else if self.live.leases.is_empty() {
            let lost = self.facts.leases.values().filter_map(|lease| lease.ended.as_ref()?.1.as_ref()).next_back();
            let cause = lost.map_or_else(String::new, |failure| format!("; the last one: {failure}"));
            let cause = format!("no buildlet is left, yet tests remain{cause}");
            self.live.closing = Some(Outcome::Errored { cause });
        }
    }
}

/// A claim as policies see it.
pub(super) fn seen(lease: LeaseId, facts: &LeaseFacts, main: bool) -> Worker {
    let machine = &facts.machine;
    let (host_type, machine) = (machine.host_type.clone(), machine.machine.clone());
    Worker { id: worker_id(lease), main, host_type, machine }
}

/// A claim's number as policies know it.
pub(super) fn worker_id(lease: LeaseId) -> u32 {
    u32::try_from(lease.0).expect("claims are counted in 32 bits")
}
