//! Virtual time: the engine, an obedient driver, and everything that is going to happen.

mod happen;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{BuildId, Effect, Engine, EngineConfig, Event, Fact, OpId, Record, Time};

use crate::check::Checker;
use crate::draw::BEGIN;
use crate::fleet::Fleet;
use crate::happening::{Happening, InFlight};
use crate::model::Model;
use crate::plan::Plan;
use crate::plugins::Runs;
use crate::rng::Rng;
use crate::trace::Trace;

/// Steps after which a run goes round in circles.
const MOST_STEPS: u64 = 200_000;

/// The simulated world.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) now: Time,
    pub(crate) engine: Engine,
    pub(crate) fleet: Fleet,
    pub(crate) in_flight: BTreeMap<OpId, InFlight>,
    pub(crate) model: Model,
    pub(crate) trace: Trace,
    pub(crate) steps: u64,
    pub(crate) checker: Checker,
    pub(crate) runs: Runs,
    queue: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
    /// Every answer comes again after this.
    pub(crate) again: Option<Duration>,
    pub(crate) records: BTreeMap<BuildId, Vec<Record>>,
    pub(crate) life: u32,
    /// It is killed in its next step that makes something durable.
    pub(crate) crash: Option<(bool, Duration)>,
    /// The coordinator is down until then.
    pub(crate) down: Option<Time>,
    canceled: BTreeSet<BuildId>,
}

impl World {
    /// The world at its beginning.
    pub(crate) fn new(plan: Plan, rng: Rng, trace: Trace) -> World {
        let mut world = World {
            engine: Engine::new(EngineConfig { max_active: plan.max_active, adoption: plan.adoption }),
            fleet: Fleet::new(plan.machines),
            model: Model::new(&plan),
            checker: Checker::new(plan.adoption),
            runs: Runs::new(),
            in_flight: BTreeMap::new(),
            queue: BTreeMap::new(),
            records: BTreeMap::new(),
            canceled: BTreeSet::new(),
            now: BEGIN,
            sequence: 0,
            again: None,
            steps: 0,
            life: 1,
            crash: None,
            down: None,
            plan,
            rng,
            trace,
        };
        for (place, build) in world.plan.builds.clone().iter().enumerate() {
            world.at(build.at, Happening::Submit(place));
        }
        for (at, what) in world.plan.script.clone() {
            world.at(at, Happening::Scripted(what));
        }
        world
    }

    /// Runs to the end, or to the first thing that must not be.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        while let Some(at) = self.next_moment() {
            if self.steps >= MOST_STEPS {
                return Err(format!("{MOST_STEPS} steps and no end: it goes round in circles"));
            }
            self.now = at;
            let event = match self.queue.first_key_value() {
                Some(((first, _), _)) if *first <= at => {
                    let (_, happening) = self.queue.pop_first().expect("just seen");
                    self.happen(happening)?
                }
                _ => Some(Event::Tick),
            };
            if let Some(event) = event {
                self.step(event)?;
            }
        }
        self.checker.check_end(self)?;
        self.model.check(&self.checker, &self.plan, &self.canceled)
    }

    fn next_moment(&self) -> Option<Time> {
        let first = self.queue.first_key_value().map(|((at, _), _)| *at);
        let deadline = self.engine.next_deadline().filter(|_| self.down.is_none());
        let next = first.into_iter().chain(deadline).min()?;
        Some(next.max(self.now))
    }

    /// Something will happen.
    pub(crate) fn at(&mut self, at: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), happening);
    }

    /// A span that nothing says: one of this closed range of milliseconds, or the least where nothing is left to chance.
    pub(crate) fn some(&mut self, least: u32, most: u32) -> Duration {
        if self.plan.steady { Duration::from_millis(u64::from(least)) } else { self.rng.millis(least, most) }
    }

    /// One of two ways that are equally likely; the first where nothing is left to chance.
    pub(crate) fn either(&mut self) -> bool {
        self.plan.steady || self.rng.chance(500)
    }

    /// Whether something goes wrong now, this many times in a thousand.
    pub(crate) fn trouble(&mut self, per_mille: u32) -> bool {
        self.now < self.plan.heal && self.rng.chance(per_mille)
    }

    /// One step of the engine, and what follows from it.
    fn step(&mut self, event: Event) -> Result<(), String> {
        self.steps += 1;
        self.trace.event(self.now, &event);
        self.model.told(&event);
        let effects = self.engine.step(self.now, event.clone());
        self.engine.check_invariants();
        // Nothing would be lost by a crash in a step that makes nothing durable.
        let records = effects.iter().any(|effect| matches!(effect, Effect::Record(_)));
        if let Some((before, down)) = self.crash.take_if(|_| records) {
            if before {
                // As if the event had never come; whoever submits asks again.
                if let Event::BuildSubmitted(_) = &event {
                    let again = self.now.plus(Duration::from_secs(1));
                    self.at(again, Happening::Tell(event));
                }
            } else {
                self.commit(&event, &effects)?;
            }
            return self.kill(down);
        }
        self.take(&event, effects)
    }

    /// Makes the records of a step durable and then carries out its other effects.
    pub(crate) fn take(&mut self, event: &Event, effects: Vec<Effect>) -> Result<(), String> {
        self.commit(event, &effects)?;
        for effect in effects {
            self.checker.before(self.now, &effect, &self.in_flight)?;
            match effect {
                Effect::Record(_) => {}
                Effect::Publish { build, attempt } => self.trace.publish(self.now, build, attempt),
                Effect::Do { op, build, task } => {
                    self.trace.task(self.now, build, &task);
                    self.in_flight.insert(op, InFlight { build, task: task.clone(), canceled: false });
                    self.carry_out(op, build, task);
                }
                Effect::Cancel(op) => {
                    if let Some(flight) = self.in_flight.get_mut(&op) {
                        flight.canceled = true;
                        self.trace.cancel(self.now, flight);
                        self.call_back(op);
                    }
                }
            }
        }
        self.checker.check_step(&self.engine, self.now, self.plan.max_active)
    }

    fn commit(&mut self, event: &Event, effects: &[Effect]) -> Result<(), String> {
        for effect in effects {
            if let Effect::Record(record) = effect {
                self.trace.record(self.checker.facts(record.build), record);
                self.checker.record(event, record)?;
                if let (Fact::AttemptEnded { attempt, end, .. }, Some(facts)) =
                    (&record.fact, self.checker.facts(record.build))
                {
                    self.model.attempt_ended(facts, *attempt, end);
                    // What is durable is acknowledged, and its machine may forget it.
                    self.fleet.execs.remove(attempt);
                }
                self.records.entry(record.build).or_default().push(record.as_ref().clone());
            }
        }
        Ok(())
    }

    pub(crate) fn life(&self) -> u32 {
        self.life
    }
}
