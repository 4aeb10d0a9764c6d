//! The engine: routes events to builds, starts builds in their turn, and keeps the ids. What an event costs does not
//! depend on how many builds wait.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::build::Build;
use crate::ops::Ops;
use crate::queue::{Builds, WaitsFor};
use crate::{
    Answer, AttemptId, BuildFacts, BuildId, Effect, Event, ExecFailure, ExecFailureKind, Fact, LeaseId, OpId, Record,
    Task, Time,
};

/// How long giving a machine back may take before we stop waiting for word of it.
const RELEASE_LIMIT: Duration = Duration::from_secs(60);

/// How long a claim that came too late is still looked out for, so that it can be given back.
const LATE_GRANT: Duration = Duration::from_secs(3600);

/// What the engine is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Builds that run at once; others wait in the queue.
    pub max_active: usize,
    /// After a restart, how long a machine of before is waited for. None gives up all of them.
    pub adoption: Option<Duration>,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig { max_active: 64, adoption: None }
    }
}

/// Every build of a coordinator, and every decision about them.
#[derive(Clone, Debug)]
pub struct Engine {
    config: EngineConfig,
    now: Time,
    builds: Builds,
    shared: Shared,
}

/// What all builds share: ids, effects under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    pub(crate) ops: Ops,
    last_lease: u64,
    last_attempt: u64,
}

impl Shared {
    /// No number of a former life is used twice: neither those of builds that are over and are not folded, nor those
    /// of claims that were asked for and never recorded, nor those of effects, whose answers may still come. A
    /// coordinator makes fewer claims than one in a second, attempts than one in a millisecond, and effects than one
    /// in a nanosecond, and so the clock is above them all. A buildlet refuses a claim with a lower number than the
    /// one before.
    fn number_above(&mut self, now: Time) {
        let nanos = now.as_nanos();
        self.ops.number_above(nanos);
        self.last_attempt = self.last_attempt.max(nanos / 1_000_000);
        self.last_lease = (self.last_lease + 1_000).max(nanos / 1_000_000_000);
    }

    pub(crate) fn next_lease(&mut self) -> LeaseId {
        self.last_lease += 1;
        LeaseId(self.last_lease)
    }

    pub(crate) fn next_attempt(&mut self) -> AttemptId {
        self.last_attempt += 1;
        AttemptId(self.last_attempt)
    }
}

/// One step in the making: the moment, the effects so far, and what builds share.
pub(crate) struct Step<'a> {
    pub(crate) now: Time,
    pub(crate) shared: &'a mut Shared,
    pub(crate) effects: Vec<Effect>,
}

impl Step<'_> {
    /// Orders a task that must be answered within `limit`.
    pub(crate) fn order(&mut self, build: BuildId, task: Task, limit: Duration) -> OpId {
        let op = self.shared.ops.begin(build, task.clone(), self.now, limit);
        self.effects.push(Effect::Do { op, build, task });
        op
    }

    /// Gives a machine back, whatever becomes of the build.
    pub(crate) fn release(&mut self, build: BuildId, lease: LeaseId, broken: bool) {
        self.order(build, Task::ReleaseLease { lease, broken }, RELEASE_LIMIT);
    }
}

impl Engine {
    /// An engine without builds.
    pub fn new(config: EngineConfig) -> Engine {
        Engine { config, now: Time::default(), builds: Builds::default(), shared: Shared::default() }
    }

    /// Goes on from the records of unfinished builds, in the order they were made. Machines of before are asked for, and
    /// what they did goes on; those that are given up cost their tests nothing but time.
    pub fn recover(config: EngineConfig, records: &[Record], now: Time) -> (Engine, Vec<Effect>) {
        let mut by_build: BTreeMap<BuildId, Vec<&Record>> = BTreeMap::new();
        for record in records {
            by_build.entry(record.build).or_default().push(record);
        }
        let mut engine = Engine::new(config);
        let mut unfinished = Vec::new();
        engine.now = records.iter().map(|record| record.at).fold(now, Time::max);
        for facts in by_build.values().filter_map(|records| BuildFacts::fold(records.iter().copied())) {
            let last = |ids: Option<u64>, so_far: u64| ids.unwrap_or(0).max(so_far);
            let shared = &mut engine.shared;
            shared.last_lease = last(facts.leases.keys().last().map(|id| id.0), shared.last_lease);
            shared.last_attempt = last(facts.attempts.keys().last().map(|id| id.0), shared.last_attempt);
            if facts.ended.is_none() {
                unfinished.push(facts.spec.build);
                engine.builds.insert(Build::new(facts));
            }
        }
        engine.shared.number_above(engine.now);
        let effects = engine.in_step(now, |engine, step| {
            for id in unfinished {
                if let Some(build) = engine.builds.get_mut(id) {
                    build.recover(step, config.adoption, &by_build[&id]);
                    build.go_on(step);
                }
                engine.builds.settle(id);
            }
        });
        (engine, effects)
    }

    /// Begins no build that waits, from now on.
    pub fn hold(&mut self) {
        self.config.max_active = 0;
    }

    /// Applies one event and returns everything the outside must now do, in order.
    pub fn step(&mut self, now: Time, event: Event) -> Vec<Effect> {
        let effects = self.in_step(now, |engine, step| engine.route(step, event));
        // Of those that wait nothing can have changed.
        #[cfg(debug_assertions)]
        self.builds.active().for_each(|build| build.check_invariants(&self.shared.ops));
        effects
    }

    fn in_step(&mut self, now: Time, work: impl FnOnce(&mut Engine, &mut Step)) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut shared = std::mem::take(&mut self.shared);
        let mut step = Step { now: self.now, shared: &mut shared, effects: Vec::new() };
        work(self, &mut step);
        self.expire(&mut step);
        for id in self.builds.active_ids() {
            self.go_on(&mut step, id);
        }
        self.start_waiting(&mut step);
        let effects = std::mem::take(&mut step.effects);
        self.shared = shared;
        let ops = &self.shared.ops;
        self.builds.forget(|id| ops.of(id).next().is_some());
        effects
    }

    fn go_on(&mut self, step: &mut Step, id: BuildId) {
        if let Some(build) = self.builds.get_mut(id) {
            build.go_on(step);
        }
        self.builds.settle(id);
    }

    fn route(&mut self, step: &mut Step, event: Event) {
        match event {
            Event::BuildSubmitted(spec) => {
                let id = spec.build;
                if self.builds.get(id).is_some() {
                    return;
                }
                let facts = BuildFacts::new(spec.as_ref().clone(), step.now);
                let record = Record { build: id, at: step.now, fact: Fact::Submitted(spec) };
                step.effects.push(Effect::Record(Box::new(record)));
                self.builds.insert(Build::new(facts));
            }
            Event::BuildCanceled { build, cause } => {
                self.builds.change(build, |build| build.cancel(step, cause));
                // One that waits is over at once.
                self.go_on(step, build);
            }
            Event::PriorityChanged { build, priority } => {
                self.builds.change(build, |build| build.change_priority(step, priority));
            }
            Event::Answered { op, answer } => self.answered(step, op, answer),
            Event::MachineLost { lease, cause } => {
                if let Some(build) = self.builds.holder(lease) {
                    build.machine_lost(step, lease, cause);
                }
            }
            Event::TestStarted { attempt, name } => {
                if let Some(build) = self.builds.running(attempt) {
                    build.test_started(step.now, attempt, &name);
                }
            }
            Event::TestEnded { attempt, name } => {
                if let Some(build) = self.builds.running(attempt) {
                    build.test_ended(attempt, &name);
                }
            }
            Event::AttemptHeld { attempt } => {
                if let Some(build) = self.builds.running(attempt) {
                    build.attempt_held(step, attempt);
                }
            }
            Event::Tick => {}
        }
    }

    /// The one place where stale ids end. A claim that comes too late is given back.
    fn answered(&mut self, step: &mut Step, id: OpId, answer: Answer) {
        let Some(op) = step.shared.ops.end(id) else { return };
        if let Some(build) = self.builds.get_mut(op.build) {
            build.answered(step, id, op.task, answer);
        }
    }

    fn expire(&mut self, step: &mut Step) {
        while let Some(id) = step.shared.ops.overdue(step.now) {
            let op = step.shared.ops.end(id).expect("overdue effects are under way");
            step.effects.push(Effect::Cancel(id));
            let failure = ExecFailure::new(ExecFailureKind::MachineLost, "no answer in time");
            if matches!(op.task, Task::AcquireLease { .. }) && !op.lingers {
                step.shared.ops.linger(id, &op, step.now.plus(LATE_GRANT));
            }
            if let Some(build) = self.builds.get_mut(op.build) {
                build.expired(step, id, op.task, failure);
            }
        }
    }

    /// Starts waiting builds: higher priority first, then the older.
    fn start_waiting(&mut self, step: &mut Step) {
        while self.builds.active_count() < self.config.max_active
            && let Some(build) = self.builds.next()
        {
            build.begin(step);
        }
    }

    /// An effect is begun at this time. Where the records before it took long to become durable, that is not its fault.
    pub fn begun(&mut self, op: OpId, now: Time) {
        self.shared.ops.begun(op, now);
    }

    /// When the engine wants to be asked again (with a tick) if nothing happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        let builds = self.builds.active().filter_map(Build::next_deadline);
        builds.chain(self.shared.ops.next_deadline()).min()
    }

    /// The durable state of a build that is not forgotten yet.
    pub fn facts(&self, build: BuildId) -> Option<&BuildFacts> {
        self.builds.get(build).map(|build| &build.facts)
    }

    /// Builds that are not over, or whose machines are still being given back.
    pub fn builds(&self) -> impl Iterator<Item = &BuildFacts> {
        self.builds.all().map(|build| &build.facts)
    }

    /// Builds that wait for their turn, the next one first.
    pub fn queue(&self) -> impl Iterator<Item = BuildId> {
        self.builds.queue()
    }

    /// How many builds have their turn before this one; none if it does not wait for its turn.
    pub fn position(&self, build: BuildId) -> Option<usize> {
        self.builds.position(build)
    }

    /// Why a build does not go on, if it is for lack of its turn or of a machine.
    pub fn waits_for(&self, build: BuildId) -> Option<WaitsFor> {
        self.builds.waits_for(build)
    }

    /// Nothing is left to do and nothing is awaited.
    pub fn is_idle(&self) -> bool {
        self.builds.is_empty() && self.shared.ops.is_empty()
    }

    /// Asserts what must hold after every step. The simulator calls it; debug builds do for the builds that run.
    pub fn check_invariants(&self) {
        self.builds.check_invariants();
        self.builds.all().for_each(|build| build.check_invariants(&self.shared.ops));
    }
}
