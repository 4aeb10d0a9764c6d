//! What must hold after every step, beyond what the engine asserts of itself.

mod adoption;
mod effects;
mod end;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::policy::Action;
use engine::{
    Answer, AttemptId, BuildFacts, BuildId, Engine, Event, Fact, LeaseFacts, LeaseId, Machine, OpId, Phase, Record,
    Role, Task, TestIndex, Time,
};

use crate::rules;
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

    fn check_record(&self, facts: &BuildFacts, event: &Event, record: &Record) -> Result<(), String> {
        let wrong = match &record.fact {
            Fact::PhaseBegan(Phase::Acquire) if facts.phases.is_empty() => self.check_turn(facts),
            Fact::LeaseGranted { lease, role, machine } => self.check_grant(facts, *lease, *role, machine),
            Fact::TestsListed(_) if !facts.tests.is_empty() => Err("the tests are listed twice".into()),
            Fact::AttemptStarted { attempt, lease, tests } => self.check_start(facts, *attempt, *lease, tests),
            Fact::AttemptEnded { attempt, end, .. } => {
                let lease = facts.attempts[attempt].lease;
                let given_up = self.adoption.given_up(facts, lease, end.as_ref().err(), record.at);
                given_up.and_then(|()| self.check_attempt_end(event, *attempt, end.is_ok()))
            }
            Fact::LeaseEnded { lease, lost } => self.adoption.given_up(facts, *lease, lost.as_ref(), record.at),
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
        let turn = |facts: &BuildFacts| (std::cmp::Reverse(facts.priority), facts.spec.build);
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
