//! What must hold after every step, beyond what the engine asserts of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::policy::Action;
use engine::{
    Answer, AttemptId, BuildFacts, BuildId, Effect, Engine, Event, Fact, LeaseId, OpId, Record, Task, TestIndex, Time,
    VerdictKind,
};

use crate::fleet::lease_of;
use crate::world::{InFlight, World};

/// When trouble has stopped, every build ends within this: several times the limits of all phases, and all tests of
/// the largest build one after the other at their limits.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Checker {
    folded: BTreeMap<BuildId, BuildFacts>,
    changed: BTreeSet<BuildId>,
    /// The latest decision of each build: what it starts and where.
    decided: BTreeMap<BuildId, Vec<(u32, Vec<u32>)>>,
    ops: BTreeSet<OpId>,
    attempts: BTreeSet<AttemptId>,
    released: BTreeSet<LeaseId>,
    published: BTreeSet<AttemptId>,
    /// The answer that the engine is being told is of an effect under way.
    current: Option<(OpId, bool)>,
    pub(crate) copies: BTreeSet<(BuildId, TestIndex)>,
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

    pub(crate) fn answered(&mut self, op: OpId, current: bool) {
        self.current = Some((op, current));
    }

    /// One record, in its turn.
    pub(crate) fn record(&mut self, event: &Event, record: &Record) -> Result<(), String> {
        let build = record.build;
        self.changed.insert(build);
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
        let build = record.build;
        match &record.fact {
            Fact::Verdict { test, verdict } => match &facts.test(*test).verdict {
                Some(_) if verdict.kind != VerdictKind::Flaky => {
                    Err(format!("{build}: a second verdict for {test}: {}", verdict.kind))
                }
                Some(_) | None => Ok(()),
            },
            Fact::AttemptStarted { attempt, lease, tests } => self.check_start(facts, *attempt, *lease, tests),
            Fact::AttemptEnded { end, .. } => {
                let told = matches!(event, Event::Answered { answer: Answer::AttemptEnded(_), .. });
                match (told, self.current) {
                    (true, Some((op, false))) => Err(format!("{build}: a stale answer to {op} ended an attempt")),
                    (false, _) if end.is_ok() => Err(format!("{build}: an attempt ended well and nobody said so")),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn check_start(
        &self,
        facts: &BuildFacts,
        attempt: AttemptId,
        lease: LeaseId,
        tests: &[TestIndex],
    ) -> Result<(), String> {
        let build = facts.spec.build;
        let plain: Vec<u32> = tests.iter().map(|test| test.0).collect();
        let decided = self.decided.get(&build).into_iter().flatten();
        if !decided.clone().any(|(worker, tests)| u64::from(*worker) == lease.0 && *tests == plain) {
            return Err(format!("{build}: {attempt} was started and not decided"));
        }
        let ready = facts.leases.get(&lease).is_some_and(|lease| lease.ready.is_some() && lease.ended.is_none());
        if !ready {
            return Err(format!("{build}: {attempt} was started on {lease}, which is not ready"));
        }
        if !self.attempts.is_empty() && self.attempts.contains(&attempt) {
            return Err(format!("{build}: the number of {attempt} is used twice"));
        }
        for test in tests {
            let live = facts.attempts.values().filter(|a| a.ended.is_none() && a.tests.contains(test)).count();
            if live > usize::from(self.copies.contains(&(build, *test))) {
                return Err(format!("{build}: {test} is started though it runs"));
            }
            if facts.test(*test).verdict.is_some() {
                return Err(format!("{build}: {test} is started though it has its verdict"));
            }
        }
        self.check_group(facts, tests)
    }

    fn check_group(&self, facts: &BuildFacts, tests: &[TestIndex]) -> Result<(), String> {
        let of = |test: &TestIndex| facts.test(*test);
        let first = of(&tests[0]);
        for test in &tests[1..] {
            let one_unit = first.test.unit.is_some() && of(test).test.unit == first.test.unit;
            if one_unit {
                continue;
            }
            let key = first.test.merge_key.is_some() && first.test.merge_key == of(test).test.merge_key;
            if !key || first.by_itself || of(test).by_itself {
                return Err(format!("{}: {tests:?} may not share an exec", facts.spec.build));
            }
        }
        Ok(())
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
                if !self.published.insert(*attempt) {
                    return Err(format!("{build}: {attempt} is published twice"));
                }
                Ok(())
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
    pub(crate) fn check_step(&mut self, engine: &Engine, now: Time) -> Result<(), String> {
        self.current = None;
        for build in std::mem::take(&mut self.changed) {
            if let Some(facts) = engine.facts(build)
                && self.folded.get(&build) != Some(facts)
            {
                return Err(format!("{build}: the fold of the records is not the engine's state"));
            }
        }
        match engine.next_deadline() {
            None if !engine.is_idle() => Err("something is awaited, and no deadline is set".into()),
            Some(at) if at <= now => Err(format!("the engine wants to be asked again at once, at {now}, for ever")),
            None | Some(_) => Ok(()),
        }
    }

    /// After a restart everything is known from records again.
    pub(crate) fn restarted(&mut self, records: &[Record]) -> Result<(), String> {
        self.published.clear();
        self.released.clear();
        self.changed.clear();
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
        }
        match world.fleet.held().next() {
            Some(lease) => Err(format!("{lease} was granted and never given back")),
            None => Ok(()),
        }
    }
}

fn starts(action: &Action) -> Option<(u32, Vec<u32>)> {
    match action {
        Action::Start { worker, tests } => Some((*worker, tests.clone())),
        Action::Duplicate { worker, test } => Some((*worker, vec![*test])),
        Action::Release(_) => None,
    }
}
