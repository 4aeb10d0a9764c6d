//! An obedient outside: it does what the engine orders, at once and without a fault.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{
    Answer, AttemptEnd, BuildFacts, BuildId, BuildSpec, CommandEnd, Effect, Engine, EngineConfig, Estimate,
    EstimateSource, Estimates, Event, Fact, Machine, OpId, Phases, PluginRef, Record, Report, Status, Task, Test,
    TestIndex, Time,
};

/// When it all begins: some days after 1970.
const BEGIN: Time = Time::from_nanos(1_000_000_000_000_000);

/// How long a machine of before is waited for.
pub(crate) const ADOPTION: Duration = Duration::from_secs(600);

/// A build without anything special.
pub(crate) fn spec(id: u64) -> BuildSpec {
    BuildSpec::plain(BuildId(id), "project", "builder", "linux")
}

/// A test of this name, which may share an exec with all of them.
pub(crate) fn test(name: &str) -> Test {
    Test {
        name: name.into(),
        suite: "suite".into(),
        case: name.into(),
        merge_key: Some("all".into()),
        ..Test::default()
    }
}

/// An engine and what it awaits.
pub(crate) struct Drive {
    pub(crate) engine: Engine,
    pub(crate) now: Time,
    /// Everything durable, in order.
    pub(crate) records: Vec<Record>,
    pub(crate) awaited: BTreeMap<OpId, (BuildId, Task)>,
    tests: Vec<Test>,
}

impl Drive {
    pub(crate) fn new(max_active: usize, tests: Vec<Test>) -> Drive {
        let engine = Engine::new(EngineConfig { max_active, ..EngineConfig::default() });
        Drive { engine, now: BEGIN, records: Vec::new(), awaited: BTreeMap::new(), tests }
    }

    /// Goes on from these records, as after a restart a minute later that gives up the machines of before.
    pub(crate) fn recovered(records: Vec<Record>, tests: Vec<Test>) -> Drive {
        Drive::recovered_with(EngineConfig::default(), records, tests)
    }

    /// Goes on from these records, and waits for the machines of before.
    pub(crate) fn taken_up(records: Vec<Record>, tests: Vec<Test>) -> Drive {
        let config = EngineConfig { adoption: Some(ADOPTION), ..EngineConfig::default() };
        Drive::recovered_with(config, records, tests)
    }

    fn recovered_with(config: EngineConfig, records: Vec<Record>, tests: Vec<Test>) -> Drive {
        let now = records.last().expect("there are records").at.plus(Duration::from_secs(60));
        let (engine, effects) = Engine::recover(config, &records, now);
        let mut drive = Drive { engine, now, records, awaited: BTreeMap::new(), tests };
        drive.take(effects);
        drive
    }

    pub(crate) fn tell(&mut self, event: Event) {
        let effects = self.engine.step(self.now, event);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Record(record) => self.records.push(*record),
                Effect::Do { op, build, task } => {
                    self.awaited.insert(op, (build, task));
                }
                Effect::Cancel(_) | Effect::Publish { .. } => {}
            }
        }
    }

    /// Answers the first awaited effect that is not held back; false if there is none.
    pub(crate) fn go_on(&mut self, held_back: impl Fn(&Task) -> bool) -> bool {
        let Some(op) = self.awaited.iter().find(|(_, (_, task))| !held_back(task)).map(|(op, _)| *op) else {
            return false;
        };
        let (build, task) = self.awaited.remove(&op).expect("just found");
        self.now = self.now.plus(Duration::from_secs(1));
        let answer = self.answer(build, task);
        self.tell(Event::Answered { op, answer });
        true
    }

    pub(crate) fn run_to_end(&mut self) {
        while self.go_on(|_| false) {}
    }

    /// The state that the records fold into.
    pub(crate) fn folded(&self, build: BuildId) -> BuildFacts {
        BuildFacts::fold(self.records.iter().filter(|record| record.build == build)).expect("it was submitted")
    }

    /// What was recorded of a kind, in order.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (BuildId, &Fact)> {
        self.records.iter().map(|record| (record.build, &record.fact))
    }

    fn answer(&self, build: BuildId, task: Task) -> Answer {
        let info =
            || engine::SnapshotInfo { key: "key".into(), bytes: 1, digest: "sha256:0".into(), age: Duration::ZERO };
        match task {
            Task::AcquireLease { lease, .. } => Answer::LeaseGranted(Machine {
                name: format!("m{}", lease.0),
                host_type: "linux".into(),
                machine: format!("m{}", lease.0),
                pool: "pool".into(),
            }),
            Task::AdoptLease { machine, .. } => Answer::LeaseGranted(machine),
            Task::ReleaseLease { .. } => Answer::LeaseReleased,
            Task::FindSnapshot => {
                Answer::SnapshotSought(Ok(self.engine.facts(build).and_then(|f| f.snapshot.as_ref()).map(|_| info())))
            }
            Task::PushSource { .. } => Answer::SourcePushed(Ok(())),
            Task::SetUp { .. } => Answer::SetUp(Ok(())),
            Task::Make { .. } => Answer::Made(Ok(())),
            Task::SaveSnapshot { .. } => Answer::SnapshotSaved(Ok(info())),
            Task::ListTests { .. } => Answer::TestsListed(Ok(self.tests.clone())),
            Task::Estimate => {
                let second = Duration::from_secs(1);
                let one = Estimate { expected: second, deviation: second, source: EstimateSource::Table };
                let tests = vec![one; self.tests.len()];
                Answer::Estimated(Ok(Estimates { tests, phases: Phases::default(), by: PluginRef::built_in() }))
            }
            Task::PlanHelpers(_) => Answer::HelpersPlanned(Ok(Vec::new())),
            Task::Decide(_) => Answer::failure_of(&task, engine::ExecFailure::new(engine::ExecFailureKind::Other, "")),
            Task::RunGroup { tests, .. } => Answer::AttemptEnded(Box::new(self.passed(build, &tests))),
        }
    }

    fn passed(&self, build: BuildId, tests: &[TestIndex]) -> AttemptEnd {
        let facts = self.engine.facts(build).expect("its tests run");
        let report = |index: &TestIndex| {
            let Test { name, suite, case, .. } = facts.test(*index).test.clone();
            let duration = Some(Duration::from_millis(100));
            Report { name, suite, case, status: Status::Passed, duration, message: String::new() }
        };
        AttemptEnd {
            end: Ok(CommandEnd::Exited(0)),
            reports: tests.iter().map(report).collect(),
            open: None,
            parsed: true,
            took: Duration::from_secs(1),
            overhead: Some(Duration::from_millis(100)),
            notes: Vec::new(),
        }
    }
}
