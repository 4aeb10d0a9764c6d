//! One build: durable facts, and what is under way now.
//!
//! ```text
//! Queue -> Acquire -> Prepare -+-> Make -> Snapshot -+-> List -> Test -> Closing -> Done
//!                              +---- snapshot found --+
//! ```
//! A main buildlet lost before `Test` sends the build back to `Acquire`; in `Test` all machines are alike. Whatever
//! ends a build goes through `Closing`: effects under way are called back, tests without a verdict get `not-run`.

mod added;
mod adopt;
mod answer;
mod ask;
mod attempts;
mod carry;
mod check;
mod close;
mod helpers;
mod leases;
mod order;
mod prepare;
mod retell;
mod verdicts;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::engine::Step;
use crate::policy::{Observed, RunInput};
use crate::{
    Answer, AttemptId, BuildFacts, Effect, ExecFailure, Fact, LeaseId, OpId, Outcome, Phase, Record, Task, TestIndex,
    Time,
};

/// A build that is not forgotten.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub(crate) facts: BuildFacts,
    live: Live,
}

/// What a restart would lose, and can.
#[derive(Clone, Debug, Default)]
struct Live {
    /// How the build will end, once what is under way has ended.
    closing: Option<Outcome>,
    /// The effect that the current phase waits for.
    phase_op: Option<OpId>,
    main: Option<LeaseId>,
    leases: BTreeMap<LeaseId, LiveLease>,
    attempts: BTreeMap<AttemptId, LiveAttempt>,
    /// Tests that may be started.
    waiting: BTreeSet<TestIndex>,
    /// Tests in live attempts; two attempts where a copy was asked for.
    running: BTreeMap<TestIndex, Vec<AttemptId>>,
    policy: LivePolicy,
    helpers: LiveHelpers,
    /// Claims on a main buildlet that were refused in the test phase, one after the other.
    refusals: u32,
    /// The next test in listed order whose output is to be published, and the attempts that were.
    printed: (u32, BTreeSet<AttemptId>),
}

/// A claim that is wanted or held.
#[derive(Clone, Debug)]
struct LiveLease {
    main: bool,
    state: LeaseState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeaseState {
    /// Asked for.
    Asked(OpId),
    /// Held by a former life of the engine, and asked whether it still is.
    Adopting(OpId),
    /// Granted; the made tree is not there yet.
    Bare,
    /// The made tree is on its way.
    SettingUp(OpId),
    /// It can test, and does nothing.
    Idle,
    /// It runs an attempt.
    Busy(AttemptId),
    /// Main only: it prepares, makes, snapshots or lists.
    Making,
}

impl LeaseState {
    /// The question to a machine of before, while it is not answered.
    fn adopting(self) -> Option<OpId> {
        match self {
            LeaseState::Adopting(op) => Some(op),
            LeaseState::Asked(_)
            | LeaseState::Bare
            | LeaseState::SettingUp(_)
            | LeaseState::Idle
            | LeaseState::Busy(_)
            | LeaseState::Making => None,
        }
    }
}

/// An attempt under way.
#[derive(Clone, Debug)]
struct LiveAttempt {
    /// Its exec, or the question to its machine after a restart.
    op: OpId,
    lease: LeaseId,
    tests: Vec<TestIndex>,
    /// The test that runs now, and since when.
    open: Option<(TestIndex, Time)>,
    /// That test ran over its limit: the attempt was called back.
    timed_out: Option<TestIndex>,
    called_back: bool,
}

/// What goes on between the build and its policy.
#[derive(Clone, Debug, Default)]
struct LivePolicy {
    /// The plugin failed, or there is none: the built-in rule decides.
    built_in: bool,
    /// The plugin's run was constructed in this life of the engine.
    constructed: bool,
    /// After a restart: what it was constructed from. All that it was told since waits to be told again.
    begin: Option<RunInput>,
    asked: Option<Asked>,
    /// Not told yet.
    observed: Vec<Observed>,
    /// Something changed since it was last asked.
    changed: bool,
    wake_at: Option<Time>,
    /// Decisions in a row of which nothing could take effect.
    fruitless: u32,
    /// Since when nothing runs though tests and workers wait.
    still_since: Option<Time>,
    /// For each test the number of the question after which it last changed between waiting and running.
    changes: BTreeMap<TestIndex, u64>,
    questions: u64,
    told_overhead: Duration,
}

/// A question that is not answered.
#[derive(Clone, Debug)]
struct Asked {
    op: OpId,
    idle: BTreeSet<u32>,
}

/// When helpers are asked for.
#[derive(Clone, Debug, Default)]
struct LiveHelpers {
    op: Option<OpId>,
    plan: Vec<(Time, u32)>,
    /// Something changed since the plan was made.
    changed: bool,
    /// Ever asked for.
    asked: u32,
}

impl Build {
    pub(crate) fn new(facts: BuildFacts) -> Build {
        Build { facts, live: Live::default() }
    }

    /// Makes a fact durable and takes it in.
    fn record(&mut self, step: &mut Step, fact: Fact) {
        self.facts.apply(step.now, &fact);
        let record = Record { build: self.facts.spec.build, at: step.now, fact };
        step.effects.push(Effect::Record(Box::new(record)));
    }

    fn order(&self, step: &mut Step, task: Task, limit: Duration) -> OpId {
        step.order(self.facts.spec.build, task, limit)
    }

    fn enter(&mut self, step: &mut Step, phase: Phase) {
        self.record(step, Fact::PhaseBegan(phase));
        self.live.helpers.changed = true;
    }

    /// Begun and not over.
    pub(crate) fn is_active(&self) -> bool {
        self.facts.phase() != Phase::Queue && self.facts.ended.is_none()
    }

    pub(crate) fn holds(&self, lease: LeaseId) -> bool {
        self.live.leases.contains_key(&lease)
    }

    pub(crate) fn runs(&self, attempt: AttemptId) -> bool {
        self.live.attempts.contains_key(&attempt)
    }

    /// Leaves the queue.
    pub(crate) fn begin(&mut self, step: &mut Step) {
        self.choose_policy();
        self.acquire_main(step);
    }

    /// The plugin decides, unless there is none or it failed in a former life: then the built-in rule does.
    fn choose_policy(&mut self) {
        let plugin = self.facts.spec.plugins.iter().any(|(role, _)| role == "policy");
        let failed = self.facts.faults.iter().any(|(role, ..)| role == "policy");
        self.live.policy.built_in = !plugin || failed;
    }

    /// An effect ended.
    pub(crate) fn answered(&mut self, step: &mut Step, op: OpId, task: Task, answer: Answer) {
        // Of a build that is over only its machines are still of interest.
        if self.facts.ended.is_some() && !matches!(task, Task::AcquireLease { .. }) {
            return;
        }
        match (task, answer) {
            (Task::AcquireLease { lease, role, .. }, Answer::LeaseGranted(machine)) => {
                self.lease_granted(step, lease, role, machine);
            }
            (Task::AcquireLease { lease, role, .. }, Answer::LeaseRefused(cause)) => {
                self.lease_refused(step, lease, role, cause);
            }
            (Task::AdoptLease { lease, .. }, Answer::LeaseGranted(_)) => self.lease_adopted(step, lease),
            (Task::AdoptLease { lease, .. }, Answer::LeaseRefused(cause)) => {
                self.lease_not_adopted(step, lease, &cause);
            }
            (Task::ReleaseLease { .. }, _) => {}
            (Task::SetUp { lease }, Answer::SetUp(result)) if self.live.phase_op != Some(op) => {
                self.helper_set_up(step, lease, result);
            }
            // A build that closes has no use for what a policy says.
            (Task::PlanHelpers(_) | Task::Decide(_), _) if self.live.closing.is_some() => {}
            (Task::PlanHelpers(_), Answer::HelpersPlanned(plan)) => self.helpers_planned(step, plan),
            (Task::Decide(task), Answer::Decided(result)) => self.decided(step, op, &task, result),
            (Task::RunGroup { attempt, .. }, Answer::AttemptEnded(end)) => self.attempt_ended(step, attempt, *end),
            (task, answer) if self.live.phase_op == Some(op) => self.phase_answered(step, task, answer),
            // An answer to a phase that is no longer waited for, or of another kind than its question.
            _ => {}
        }
    }

    /// An effect was not answered in time: it counts as failed.
    pub(crate) fn expired(&mut self, step: &mut Step, op: OpId, task: Task, failure: ExecFailure) {
        let answer = Answer::failure_of(&task, failure);
        self.answered(step, op, task, answer);
    }

    /// Does what the state of now calls for. Called after every event; does nothing twice.
    pub(crate) fn go_on(&mut self, step: &mut Step) {
        if self.facts.ended.is_some() {
            return;
        }
        self.watch_limits(step);
        if self.live.closing.is_some() {
            self.close(step);
            return;
        }
        self.go_on_with_helpers(step);
        if self.facts.phase() == Phase::Test {
            self.publish(step);
            if self.all_over(step) {
                self.close(step);
                return;
            }
            self.replace_machines(step);
            if self.live.closing.is_some() {
                self.close(step);
                return;
            }
            self.ask_policy(step);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        // A build that closes waits for answers only, and those have deadlines of their own.
        if self.facts.ended.is_some() || self.live.closing.is_some() {
            return None;
        }
        let build = self.build_deadline();
        let tests = self.live.attempts.values().filter_map(|attempt| self.open_deadline(attempt));
        let helpers = self.live.helpers.plan.iter().map(|(at, _)| *at);
        // While the tree is made again there is nothing to decide.
        let policy = self.live.policy.wake_at.filter(|_| self.facts.phase() == Phase::Test);
        build.into_iter().chain(tests).chain(helpers).chain(policy).min()
    }
}
