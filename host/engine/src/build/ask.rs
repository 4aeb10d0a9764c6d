//! Questions to the policy, and what becomes of its answers.
//!
//! One question is outstanding at most. An answer is held against the state of now: what became stale meanwhile is
//! dropped and asked again; only what was wrong when it was asked is a fault. After a fault, or past the deadline,
//! the built-in rule decides for the rest of the build.

use std::time::Duration;

use super::answer::bad_answer;
use super::leases::worker_id;
use super::{Asked, Build, LeaseState};
use crate::engine::Step;
use crate::policy::{Decision, Item, Observed, RunInput};
use crate::{DecideTask, Decided, EstimateSource, LeaseId, OpId, Phase, PluginFault, PluginRef, Task, TestIndex, Time};

/// Answers in a row of which nothing could take effect, before the policy is at fault.
const FRUITLESS: u32 = 3;

/// The longest a policy may let everything stand still before it wants to be asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Build {
    /// Something happened that the policy is to know.
    pub(super) fn observe(&mut self, what: Observed) {
        self.live.policy.changed = true;
        let policy = &mut self.live.policy;
        if (policy.constructed || policy.begin.is_some()) && !policy.built_in {
            policy.observed.push(what);
        }
    }

    /// The zero of a policy's time: when the tests began, before whatever restart.
    fn zero(&self) -> Time {
        let began = self.facts.phases.iter().find(|(phase, _)| *phase == Phase::Test);
        began.map_or(self.facts.submitted, |(_, at)| *at)
    }

    pub(super) fn use_built_in_policy(&mut self) {
        let policy = &mut self.live.policy;
        policy.built_in = true;
        policy.asked = None;
        policy.begin = None;
        policy.observed.clear();
        policy.wake_at = None;
        policy.changed = true;
    }

    fn idle_workers(&self) -> Vec<u32> {
        let idle = |(id, lease): (&LeaseId, &super::LiveLease)| {
            let ready = self.facts.leases.get(id).is_some_and(|facts| facts.ready.is_some());
            (lease.state == LeaseState::Idle && ready).then(|| worker_id(*id))
        };
        self.live.leases.iter().filter_map(idle).collect()
    }

    pub(super) fn ask_policy(&mut self, step: &mut Step) {
        if self.live.policy.wake_at.is_some_and(|at| at <= step.now) {
            self.live.policy.wake_at = None;
            self.live.policy.changed = true;
        }
        if !self.live.policy.changed || self.live.policy.asked.is_some() {
            return;
        }
        let idle = self.idle_workers();
        if idle.is_empty() {
            return;
        }
        self.live.policy.changed = false;
        if self.live.policy.built_in {
            self.decide_by_rule(step, &idle);
        } else {
            self.put_question(step, idle);
        }
    }

    fn put_question(&mut self, step: &mut Step, idle: Vec<u32>) {
        let zero = self.zero();
        let construct = match self.live.policy.begin.take() {
            Some(begin) => Some(begin),
            None => (!self.live.policy.constructed).then(|| self.run_input(false)),
        };
        let policy = &mut self.live.policy;
        policy.constructed = true;
        policy.questions += 1;
        let observed = std::mem::take(&mut policy.observed);
        let task = DecideTask { construct, observed, now: step.now.since(zero), idle: idle.clone() };
        let op = self.order(step, Task::Decide(Box::new(task)), self.facts.spec.limits.plugin);
        self.live.policy.asked = Some(Asked { op, idle: idle.into_iter().collect() });
    }

    /// What a policy is constructed from: the tests that wait, and those that run where the rule wants them too.
    fn run_input(&self, with_running: bool) -> RunInput {
        let mut indices: Vec<TestIndex> = self.live.waiting.iter().copied().collect();
        if with_running {
            indices.extend(self.live.running.keys().filter(|index| !self.live.waiting.contains(index)));
            indices.sort_unstable();
        }
        let ready = |id: &LeaseId| self.facts.leases.get(id).is_some_and(|facts| facts.ready.is_some());
        let (there, to_come): (Vec<LeaseId>, Vec<LeaseId>) = self.live.leases.keys().partition(|id| ready(id));
        RunInput {
            items: indices.into_iter().map(|index| self.item(index)).collect(),
            workers: there.into_iter().map(|lease| self.worker(lease)).collect(),
            phases: crate::Phases { exec_overhead: self.overhead(), ..self.facts.expected },
            expected_workers: u32::try_from(to_come.len()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn item(&self, index: TestIndex) -> Item {
        let facts = self.facts.test(index);
        let (expected, deviation, source) = match &facts.estimate {
            Some(estimate) => (estimate.expected, estimate.deviation, estimate.source.clone()),
            None => (builtin::PRIOR, builtin::PRIOR, EstimateSource::Prior),
        };
        let test = &facts.test;
        Item {
            index: index.0,
            name: test.name.clone(),
            merge_key: test.merge_key.clone(),
            unit: test.unit.clone(),
            setup_key: test.setup_key.clone(),
            alone: test.alone.clone(),
            expected,
            deviation,
            source,
            max_group: facts.max_group,
        }
    }

    /// What one exec is known to cost by now: in the middle, since a group of many modules has a share of its own in
    /// what it pays before its first test.
    pub(super) fn overhead(&self) -> Duration {
        let ends = self.facts.attempts.values().filter_map(|attempt| attempt.ended.as_ref());
        let seen: Vec<Duration> = ends.filter_map(|end| end.overhead).collect();
        builtin::median(&seen).unwrap_or(self.facts.expected.exec_overhead)
    }

    fn decide_by_rule(&mut self, step: &mut Step, idle: &[u32]) {
        let since_submitted = |at: Time| at.since(self.facts.submitted);
        let mut view = builtin::View::new(self.run_input(true));
        for (id, attempt) in &self.live.attempts {
            let started = since_submitted(self.facts.attempts[id].started);
            let tests: Vec<u32> = attempt.tests.iter().map(|index| index.0).collect();
            view.start(started, worker_id(attempt.lease), &tests);
        }
        let actions = view.decide(since_submitted(step.now), idle);
        let decision = Decision { actions, wake_at: None, note: String::new() };
        self.carry_out(step, decision, PluginRef::built_in());
    }

    pub(super) fn decided(
        &mut self,
        step: &mut Step,
        op: OpId,
        task: &DecideTask,
        result: Result<Decided, PluginFault>,
    ) {
        if self.live.policy.asked.as_ref().is_none_or(|asked| asked.op != op) {
            return;
        }
        let Some(asked) = self.live.policy.asked.take() else { return };
        let verdict = result.and_then(|Decided { decision, by }| {
            self.check_decision(&asked, &decision)?;
            Ok((decision, by))
        });
        match verdict {
            Ok((decision, by)) => {
                self.live.policy.wake_at = decision.wake_at.map(|at| self.zero().plus(at.max(task.now)));
                let wanted = decision.actions.len();
                let done = self.carry_out(step, decision, by);
                self.judge_progress(step, wanted, done);
            }
            Err(fault) => self.policy_faulted(step, fault),
        }
    }

    fn policy_faulted(&mut self, step: &mut Step, fault: PluginFault) {
        self.plugin_faulted(step, "policy", fault);
        self.use_built_in_policy();
    }

    /// A policy that lets everything stand still would keep the build for ever.
    fn judge_progress(&mut self, step: &mut Step, wanted: usize, done: usize) {
        let policy = &mut self.live.policy;
        policy.fruitless = if wanted > 0 && done == 0 { policy.fruitless + 1 } else { 0 };
        if wanted > done {
            policy.changed = true;
        }
        let still = self.live.attempts.is_empty() && !self.live.waiting.is_empty() && !self.idle_workers().is_empty();
        let policy = &mut self.live.policy;
        let since = *policy.still_since.get_or_insert(step.now);
        if !still {
            policy.still_since = None;
        }
        let soon = policy.wake_at.is_some_and(|at| at <= since.plus(LONGEST_PAUSE));
        let stuck = still && done == 0 && wanted == 0 && !soon && !policy.changed;
        let detail = if self.live.policy.fruitless >= FRUITLESS {
            "it keeps answering what cannot be done"
        } else if stuck {
            "it starts nothing, though workers and tests wait and nothing runs"
        } else {
            return;
        };
        self.policy_faulted(step, bad_answer(detail));
    }
}
