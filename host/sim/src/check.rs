//! What must hold after every step, beyond what the engine asserts of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::policy::Action;
use engine::{
    Answer, AttemptId, BuildFacts, BuildId, Effect, Engine, Event, Fact, LeaseFacts, LeaseId, Machine, OpId, Phase,
    Record, Role, Task, TestIndex, Time,
};

use crate::plan::BuildPlan;
use crate::rules;
use crate::work::lease_of;
use crate::world::{InFlight, World};

/// When trouble has stopped, every build ends within this: several times the limits of all phases, and all tests of
/// the largest build one after the other at their limits.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Checker {
    folded: BTreeMap<BuildId, BuildFacts>,
    /// The latest decision of each build: what it starts and where.
    decided: BTreeMap<BuildId, Vec<Start>>,
    ops: BTreeSet<OpId>,
    attempts: BTreeSet<AttemptId>,
    released: BTreeSet<LeaseId>,
    /// What is in the ordered log of each build.
    published: BTreeMap<BuildId, BTreeSet<AttemptId>>,
    /// Builds whose log lacks its end, because the coordinator was killed just then.
    cut_short: BTreeSet<BuildId>,
    /// The answer that the engine is being told.
    told: Option<Told>,
    pub(crate) copies: BTreeSet<(BuildId, TestIndex)>,
}

/// What a decision starts.
#[derive(Clone, Debug)]
struct Start {
    worker: u32,
    tests: Vec<u32>,
    copy: bool,
}

/// An answer, and what it answers: nothing if it is stale.
#[derive(Clone, Debug)]
struct Told {
    op: OpId,
    task: Option<Task>,
}

impl Told {
    fn attempt(&self) -> Option<AttemptId> {
        match self.task {
            Some(Task::RunGroup { attempt, .. }) => Some(attempt),
            _ => None,
        }
    }
}

impl Checker {
    /// The fold of a build's records.
    pub(crate) fn facts(&self, build: BuildId) -> Option<&BuildFacts> {
        self.folded.get(&build)
    }

    /// Every build's.
    pub(crate) fn builds(&self) -> impl Iterator<Item = &BuildFacts> {
        self.folded.values()
    }

    /// Whether a record says that a build has this claim.
    pub(crate) fn holds(&self, lease: LeaseId) -> bool {
        self.folded.values().any(|facts| facts.leases.get(&lease).is_some_and(|lease| lease.ended.is_none()))
    }

    pub(crate) fn names(&self, build: BuildId, tests: &[TestIndex]) -> Vec<String> {
        let Some(facts) = self.facts(build) else { return Vec::new() };
        tests.iter().map(|test| facts.test(*test).test.name.clone()).collect()
    }

    /// An answer comes, to this task if it is awaited.
    pub(crate) fn answered(&mut self, op: OpId, task: Option<Task>) {
        self.told = Some(Told { op, task });
    }

    /// One record, in its turn.
    pub(crate) fn record(&mut self, event: &Event, record: &Record) -> Result<(), String> {
        let build = record.build;
        if let Fact::Submitted(spec) = &record.fact {
            self.folded.insert(build, BuildFacts::new(spec.as_ref().clone(), record.at));
            return Ok(());
        }
        let facts = self.folded.get(&build).ok_or_else(|| format!("{build}: a record before its submission"))?;
        if facts.ended.is_some() {
            return Err(format!("{build}: a record after its end: {:?}", record.fact));
        }
        self.check_record(facts, event, record)?;
        if let Fact::Decided { actions, .. } = &record.fact {
            self.decided.insert(build, actions.iter().filter_map(starts).collect());
            for action in actions {
                if let Action::Duplicate { test, .. } = action {
                    self.copies.insert((build, TestIndex(*test)));
                }
            }
        }
        self.folded.get_mut(&build).expect("just found").apply(record.at, &record.fact);
        Ok(())
    }

    fn check_record(&self, facts: &BuildFacts, event: &Event, record: &Record) -> Result<(), String> {
        let wrong = match &record.fact {
            Fact::PhaseBegan(Phase::Acquire) if facts.phases.is_empty() => self.check_turn(facts),
            Fact::LeaseGranted { lease, role, machine } => self.check_grant(facts, *lease, *role, machine),
            Fact::TestsListed(_) if !facts.tests.is_empty() => Err("the tests are listed twice".into()),
            Fact::AttemptStarted { attempt, lease, tests } => self.check_start(facts, *attempt, *lease, tests),
            Fact::AttemptEnded { attempt, end, .. } => self.check_attempt_end(event, *attempt, end.is_ok()),
            Fact::TestReturned { test, cause, .. } => rules::returned(facts, *test, cause),
            Fact::Verdict { test, verdict } => {
                let told = self.told.as_ref().and_then(Told::attempt);
                let copied = self.copies.contains(&(record.build, *test));
                rules::verdict(facts, *test, verdict, told, copied)
            }
            _ => Ok(()),
        };
        wrong.map_err(|wrong| format!("{}: {wrong}", record.build))
    }

    /// Of the builds that wait, the one with the highest priority is next; of equals the older.
    fn check_turn(&self, facts: &BuildFacts) -> Result<(), String> {
        let turn = |facts: &BuildFacts| (std::cmp::Reverse(facts.spec.priority), facts.spec.build);
        let waits = |other: &&BuildFacts| other.phases.is_empty() && other.ended.is_none() && other.cancel.is_none();
        match self.builds().filter(waits).find(|other| turn(other) < turn(facts)) {
            Some(earlier) => Err(format!("it is not its turn, but that of {}", earlier.spec.build)),
            None => Ok(()),
        }
    }

    fn check_grant(&self, facts: &BuildFacts, lease: LeaseId, role: Role, machine: &Machine) -> Result<(), String> {
        let others = self.builds().flat_map(|facts| &facts.leases);
        for (other, held) in others {
            if *other == lease {
                return Err(format!("the number of {lease} is used twice"));
            }
            if held.ended.is_none() && held.machine.name == machine.name {
                return Err(format!("{} serves {other} and {lease}", machine.name));
            }
        }
        let helper = |held: &&LeaseFacts| held.role == Role::Helper && held.ended.is_none();
        let helpers = facts.leases.values().filter(helper).count();
        if role == Role::Helper && helpers >= facts.spec.max_helpers as usize {
            return Err(format!("{lease} is one helper too many"));
        }
        Ok(())
    }

    fn check_attempt_end(&self, event: &Event, attempt: AttemptId, well: bool) -> Result<(), String> {
        let told = matches!(event, Event::Answered { answer: Answer::AttemptEnded(_), .. });
        match &self.told {
            Some(Told { op, task: None }) if told && well => Err(format!("a stale answer to {op} ended {attempt}")),
            Some(told) if well && told.attempt() != Some(attempt) => {
                Err(format!("{attempt} ended by the answer of another"))
            }
            None if well => Err(format!("{attempt} ended well and nobody said so")),
            Some(_) | None => Ok(()),
        }
    }

    fn check_start(
        &self,
        facts: &BuildFacts,
        attempt: AttemptId,
        lease: LeaseId,
        tests: &[TestIndex],
    ) -> Result<(), String> {
        let plain: Vec<u32> = tests.iter().map(|test| test.0).collect();
        let mut decided = self.decided.get(&facts.spec.build).into_iter().flatten();
        let decision = decided.find(|start| u64::from(start.worker) == lease.0 && start.tests == plain);
        let Some(decision) = decision else { return Err(format!("{attempt} was started and not decided")) };
        if self.attempts.contains(&attempt) {
            return Err(format!("the number of {attempt} is used twice"));
        }
        rules::machine(facts, lease).map_err(|wrong| format!("{attempt} was started on {lease}, {wrong}"))?;
        rules::still_testing(facts).map_err(|wrong| format!("{attempt} was started {wrong}"))?;
        rules::alone(facts, lease, tests)?;
        for test in tests {
            rules::free(facts, *test, decision.copy)?;
        }
        if decision.copy { Ok(()) } else { rules::group(facts, tests) }
    }

    /// One effect, in its turn, the records of its step being durable.
    pub(crate) fn before(&mut self, effect: &Effect, in_flight: &BTreeMap<OpId, InFlight>) -> Result<(), String> {
        match effect {
            Effect::Record(_) | Effect::Cancel(_) => Ok(()),
            Effect::Publish { build, attempt } => {
                let facts = self.facts(*build).and_then(|facts| facts.attempts.get(attempt));
                if facts.is_none_or(|facts| facts.ended.is_none()) {
                    return Err(format!("{build}: {attempt} is published before its end"));
                }
                if !self.published.entry(*build).or_default().insert(*attempt) {
                    return Err(format!("{build}: {attempt} is published twice"));
                }
                let facts = self.facts(*build).expect("it has attempts");
                rules::has_its_turn(facts, *attempt).map_err(|wrong| format!("{build}: {wrong}"))
            }
            Effect::Do { op, build, task } => self.check_task(*op, *build, task, in_flight),
        }
    }

    fn check_task(
        &mut self,
        op: OpId,
        build: BuildId,
        task: &Task,
        in_flight: &BTreeMap<OpId, InFlight>,
    ) -> Result<(), String> {
        if !self.ops.insert(op) {
            return Err(format!("{build}: the id {op} is used twice"));
        }
        if let Task::RunGroup { attempt, .. } = task {
            self.attempts.insert(*attempt);
            if self.facts(build).is_none_or(|facts| !facts.attempts.contains_key(attempt)) {
                return Err(format!("{build}: {attempt} runs and is not recorded"));
            }
        }
        let Some(lease) = lease_of(task) else { return Ok(()) };
        let facts = self.facts(build).and_then(|facts| facts.leases.get(&lease));
        match task {
            Task::AcquireLease { .. } if facts.is_some() => {
                return Err(format!("{build}: the number of {lease} is used twice"));
            }
            Task::AcquireLease { .. } => {}
            Task::ReleaseLease { .. } => {
                if facts.is_some_and(|facts| facts.ended.is_none()) {
                    return Err(format!("{build}: {lease} is given back and not ended"));
                }
                if !self.released.insert(lease) {
                    return Err(format!("{build}: {lease} is given back twice"));
                }
            }
            _ if facts.is_none_or(|facts| facts.ended.is_some()) => {
                return Err(format!("{build}: a task for {lease}, which is not held: {task:?}"));
            }
            _ => {
                let there = |flight: &&InFlight| !flight.canceled && lease_of(&flight.task) == Some(lease);
                if let Some(other) = in_flight.values().find(there) {
                    return Err(format!("{build}: {lease} is asked for {task:?} while it does {:?}", other.task));
                }
            }
        }
        Ok(())
    }

    /// After each step: the engine's facts are the fold of the records, and it knows when it wants to be asked again.
    pub(crate) fn check_step(&mut self, engine: &Engine, now: Time, most_active: usize) -> Result<(), String> {
        self.told = None;
        for facts in engine.builds() {
            let build = facts.spec.build;
            if self.folded.get(&build) != Some(facts) {
                return Err(format!("{build}: the fold of the records is not the engine's state"));
            }
        }
        let active = self.builds().filter(|facts| !facts.phases.is_empty() && facts.ended.is_none()).count();
        if active > most_active {
            return Err(format!("{active} builds run at once, and {most_active} may"));
        }
        match engine.next_deadline() {
            None if !engine.is_idle() => Err("something is awaited, and no deadline is set".into()),
            Some(at) if at <= now => Err(format!("the engine wants to be asked again at once, at {now}, for ever")),
            None | Some(_) => Ok(()),
        }
    }

    /// After a restart everything is known from records again.
    pub(crate) fn restarted(&mut self, records: &[Record]) -> Result<(), String> {
        for facts in self.folded.values().filter(|facts| facts.ended.is_some()) {
            // Its end was durable, and it was killed before it printed the last of it.
            if self.unprinted(facts).is_some() {
                self.cut_short.insert(facts.spec.build);
            }
        }
        // The log of a build that goes on is written anew.
        self.published.retain(|build, _| self.folded[build].ended.is_some());
        self.released.clear();
        let mut by_build: BTreeMap<BuildId, Vec<&Record>> = BTreeMap::new();
        for record in records {
            by_build.entry(record.build).or_default().push(record);
        }
        for (build, records) in by_build {
            if BuildFacts::fold(records).as_ref() != self.folded.get(&build) {
                return Err(format!("{build}: folding at once and one by one differ"));
            }
        }
        Ok(())
    }

    /// When nothing is left to happen.
    pub(crate) fn check_end(&self, world: &World) -> Result<(), String> {
        if !world.engine.is_idle() {
            return Err("nothing is going to happen, and the engine is not through".into());
        }
        for plan in &world.plan.builds {
            let build = plan.spec.build;
            let ended = self.facts(build).and_then(|facts| facts.ended.as_ref());
            let Some((at, ..)) = ended else { return Err(format!("{build}: never ended")) };
            if *at > world.plan.heal.plus(LONGEST) {
                return Err(format!("{build}: ended {:?} after the trouble did", at.since(world.plan.heal)));
            }
            self.check_whole(plan).map_err(|wrong| format!("{build}: {wrong}"))?;
        }
        match world.fleet.held().next() {
            Some(lease) => Err(format!("{lease} was granted and never given back")),
            None => Ok(()),
        }
    }
}

impl Checker {
    /// Of a build that ended nothing is left: each listed test was kept and told of, and no machine is held.
    fn check_whole(&self, plan: &BuildPlan) -> Result<(), String> {
        let facts = &self.folded[&plan.spec.build];
        let listed = facts.tests.iter().filter(|test| !test.added).map(|test| test.test.name.as_str());
        if !facts.tests.is_empty() && !listed.eq(plan.tests.iter().map(|plan| plan.test.name.as_str())) {
            return Err("the tests at its end are not those that were listed".into());
        }
        if let Some((lease, _)) = facts.leases.iter().find(|(_, lease)| lease.ended.is_none()) {
            return Err(format!("it is over, and {lease} is not"));
        }
        if let Some((attempt, _)) = facts.attempts.iter().find(|(_, attempt)| attempt.ended.is_none()) {
            return Err(format!("it is over, and {attempt} is not"));
        }
        match self.unprinted(facts) {
            Some(attempt) if !self.cut_short.contains(&facts.spec.build) => {
                Err(format!("the output of {attempt} is not in the log"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// An attempt that gave a verdict and whose output is not in the log.
    fn unprinted(&self, facts: &BuildFacts) -> Option<AttemptId> {
        let log = self.published.get(&facts.spec.build);
        let told = |attempt: &AttemptId| log.is_some_and(|log| log.contains(attempt));
        facts.tests.iter().filter_map(|test| test.verdict.as_ref()?.attempt).find(|attempt| !told(attempt))
    }
}

fn starts(action: &Action) -> Option<Start> {
    match action {
        Action::Start { worker, tests } => Some(Start { worker: *worker, tests: tests.clone(), copy: false }),
        Action::Duplicate { worker, test } => Some(Start { worker: *worker, tests: vec![*test], copy: true }),
        Action::Release(_) => None,
    }
}
