//! What must hold after every step, beyond what the engine asserts of itself.

mod adoption;
mod effects;
mod end;
mod log;
mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::policy::Action;
use engine::{
    Answer, AttemptId, BuildFacts, BuildId, Engine, Event, Fact, LeaseId, OpId, Record, Task, TestIndex, Time,
};

use adoption::Adoption;
use log::Log;

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Checker {
    folded: BTreeMap<BuildId, BuildFacts>,
    /// The latest decision of each build: what it starts and where.
    decided: BTreeMap<BuildId, Vec<Start>>,
    ops: BTreeSet<OpId>,
    attempts: BTreeSet<AttemptId>,
    released: BTreeSet<LeaseId>,
    /// The ordered log of each build.
    logs: BTreeMap<BuildId, Log>,
    adoption: Adoption,
    /// Execs that machines have begun.
    begun: BTreeSet<AttemptId>,
    /// What was seen between two steps.
    wrong: Option<String>,
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
    /// Nothing was seen, and machines are waited for so long after a restart.
    pub(crate) fn new(adoption: Option<Duration>) -> Checker {
        Checker { adoption: Adoption::new(adoption), ..Checker::default() }
    }

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

    /// A machine begins an exec.
    pub(crate) fn begins(&mut self, build: BuildId, attempt: AttemptId) {
        if !self.begun.insert(attempt) {
            self.wrong = Some(format!("{build}: {attempt} is begun a second time"));
        }
    }

    pub(crate) fn names(&self, build: BuildId, tests: &[TestIndex]) -> Vec<String> {
        let Some(facts) = self.facts(build) else { return Vec::new() };
        tests.iter().map(|test| facts.test(*test).test.name.clone()).collect()
    }

    /// An answer comes, to this task if it is awaited.
    pub(crate) fn answered(&mut self, op: OpId, task: Option<Task>, answer: &Answer) {
        if let Some(task) = &task {
            self.adoption.answered(task, answer);
        }
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

    /// After each step: the engine's facts are the fold of the records, and it knows when it wants to be asked again.
    pub(crate) fn check_step(&mut self, engine: &Engine, now: Time, most_active: usize) -> Result<(), String> {
        self.told = None;
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
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
        for facts in self.folded.values() {
            self.logs.entry(facts.spec.build).or_default().restarted(facts);
        }
        self.adoption.restarted();
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
}

fn starts(action: &Action) -> Option<Start> {
    match action {
        Action::Start { worker, tests } => Some(Start { worker: *worker, tests: tests.clone(), copy: false }),
        Action::Duplicate { worker, test } => Some(Start { worker: *worker, tests: vec![*test], copy: true }),
        Action::Release(_) => None,
    }
}
