//! The simulated fleet: which buildlets exist, who has them, and how they answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use engine::{
    Answer, BuildId, CommandEnd, Event, ExecFailure, ExecFailureKind, LeaseId, ListFailure, Machine, OpId,
    SnapshotInfo, StepFailure, Task,
};

use crate::exec::{Ending, Exec, play};
use crate::plan::{BuildPlan, ListPlan, Scripted, TestPlan};
use crate::world::{Happening, Stop, Voice, World};

/// How long it takes until the loss of a machine is known.
const DETECTION: Duration = Duration::from_millis(1500);

/// How long missing heartbeats take to be one loss.
const HEARTBEATS: Duration = Duration::from_secs(30);

/// Every buildlet.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    /// No claim is granted any more.
    pub(crate) refuses: bool,
    free: BTreeSet<u32>,
    /// Buildlets in use: the slot, and whether it still answers.
    leased: BTreeMap<LeaseId, (u32, bool)>,
    waiting: VecDeque<OpId>,
    execs: BTreeMap<OpId, (LeaseId, Exec)>,
    /// Effects whose machine says nothing any more.
    muted: BTreeSet<OpId>,
    runs: BTreeMap<(BuildId, String), u32>,
}

impl Fleet {
    pub(crate) fn new(machines: u32) -> Fleet {
        Fleet {
            refuses: false,
            free: (1..=machines).collect(),
            leased: BTreeMap::new(),
            waiting: VecDeque::new(),
            execs: BTreeMap::new(),
            muted: BTreeSet::new(),
            runs: BTreeMap::new(),
        }
    }

    pub(crate) fn lease_of(&self, op: OpId) -> Option<LeaseId> {
        self.execs.get(&op).map(|(lease, _)| *lease)
    }

    /// The claim on the buildlet of this name.
    pub(crate) fn named(&self, name: &str) -> Option<LeaseId> {
        self.leased.iter().find(|(_, (slot, _))| slot_name(*slot) == name).map(|(lease, _)| *lease)
    }

    pub(crate) fn forget(&mut self, op: OpId) {
        self.execs.remove(&op);
        self.waiting.retain(|waiting| *waiting != op);
    }

    pub(crate) fn is_muted(&self, op: OpId) -> bool {
        self.muted.contains(&op)
    }

    fn alive(&self, lease: LeaseId) -> bool {
        self.leased.get(&lease).is_some_and(|(_, alive)| *alive)
    }

    /// Gives back what nobody holds, after a restart of the coordinator.
    pub(crate) fn sweep(&mut self, held: impl Fn(LeaseId) -> bool) {
        let orphans: Vec<LeaseId> = self.leased.keys().copied().filter(|lease| !held(*lease)).collect();
        for lease in orphans {
            self.give_back(lease);
        }
        self.waiting.clear();
        self.execs.clear();
    }

    fn give_back(&mut self, lease: LeaseId) {
        if let Some((slot, _)) = self.leased.remove(&lease) {
            self.free.insert(slot);
        }
    }

    /// Claims that were never given back.
    pub(crate) fn held(&self) -> impl Iterator<Item = LeaseId> {
        self.leased.keys().copied()
    }
}

fn slot_name(slot: u32) -> String {
    format!("m{slot}")
}

fn failure(kind: ExecFailureKind, detail: &str) -> ExecFailure {
    ExecFailure::new(kind, detail)
}

impl World {
    pub(crate) fn build(&self, build: BuildId) -> &BuildPlan {
        self.plan.builds.iter().find(|plan| plan.spec.build == build).expect("only planned builds are submitted")
    }

    /// Answers an effect after this long; now and then twice, or one that was never asked for.
    pub(crate) fn reply(&mut self, op: OpId, after: Duration, answer: Answer) {
        let life = self.life();
        let at = self.now.plus(after);
        if self.trouble(self.plan.faults.twice) {
            let later = at.plus(self.rng.millis(0, 60_000));
            let answer = Box::new(answer.clone());
            self.at(later, Happening::Answer { op, answer, life, voice: Voice::Stale });
        }
        if self.trouble(self.plan.faults.unknown) {
            let other = OpId(op.0 ^ (1 << 63));
            let answer = Box::new(answer.clone());
            self.at(at, Happening::Answer { op: other, answer, life, voice: Voice::Stale });
        }
        self.reply_as(op, after, answer, Voice::Own);
    }

    fn reply_as(&mut self, op: OpId, after: Duration, answer: Answer, voice: Voice) {
        let life = self.life();
        let at = self.now.plus(after);
        self.at(at, Happening::Answer { op, answer: Box::new(answer), life, voice });
    }

    fn slowness(&mut self) -> u32 {
        if self.trouble(self.plan.faults.slow) { self.rng.between(2, 4) } else { 1 }
    }

    /// Begins to do what the engine ordered.
    pub(crate) fn carry_out(&mut self, op: OpId, build: BuildId, task: Task) {
        match task {
            Task::AcquireLease { lease, .. } => self.acquire(op, build, lease),
            Task::ReleaseLease { lease, .. } => self.release(op, lease),
            Task::FindSnapshot => self.find_snapshot(op, build),
            Task::PushSource { .. }
            | Task::SetUp { .. }
            | Task::Make { .. }
            | Task::SaveSnapshot { .. }
            | Task::ListTests { .. } => self.phase(op, build, &task),
            Task::Estimate => self.estimate(op, build),
            Task::PlanHelpers(input) => self.plan_helpers(op, build, &input),
            Task::Decide(task) => self.decide(op, build, *task),
            Task::RunGroup { attempt, lease, tests, limit } => {
                let names: Vec<String> = self.checker.names(build, &tests);
                let mut exec = Exec {
                    attempt,
                    began: self.now,
                    overhead: self.build(build).overhead,
                    moments: Vec::new(),
                    end: (self.now, Ending::Command(CommandEnd::Exited(0))),
                    parsed: !self.trouble(self.plan.faults.unparsed),
                };
                let slow = self.slowness();
                let plans: Vec<TestPlan> = names.iter().filter_map(|name| self.test(build, name)).collect();
                let refs: Vec<&TestPlan> = plans.iter().collect();
                let runs = &mut self.fleet.runs;
                let count = |name: &str| {
                    let runs = runs.entry((build, name.to_owned())).or_default();
                    *runs += 1;
                    *runs
                };
                play(&mut exec, &refs, count, slow, limit);
                self.start(op, build, lease, exec);
            }
        }
    }

    fn test(&self, build: BuildId, name: &str) -> Option<TestPlan> {
        self.build(build).tests.iter().find(|plan| plan.test.name == name).cloned()
    }

    fn acquire(&mut self, op: OpId, build: BuildId, lease: LeaseId) {
        if self.fleet.refuses || self.trouble(self.plan.faults.refused) {
            self.model.trouble(build);
            let after = self.rng.millis(0, 5000);
            let refusal = failure(ExecFailureKind::Refused, "no machine is to be had");
            self.reply(op, after, Answer::LeaseRefused(refusal));
        } else if self.trouble(self.plan.faults.no_grant) {
            self.model.trouble(build);
        } else if self.fleet.free.is_empty() {
            // Waiting for others is no trouble, unless it takes too long.
            self.model.trouble(build);
            self.fleet.waiting.push_back(op);
        } else {
            self.grant(op, build, lease);
        }
    }

    fn grant(&mut self, op: OpId, build: BuildId, lease: LeaseId) {
        let Some(slot) = self.fleet.free.pop_first() else { return };
        self.fleet.leased.insert(lease, (slot, true));
        let machine = Machine {
            name: slot_name(slot),
            host_type: "linux".into(),
            machine: format!("host{}", (slot - 1) / self.plan.per_machine),
            pool: "sim".into(),
        };
        let after = self.build(build).machine_takes * self.slowness();
        if self.trouble(self.plan.faults.lost_idle) {
            self.model.trouble(build);
            let at = self.now.plus(after).plus(self.rng.millis(0, 60_000));
            self.at(at, Happening::Scripted(Scripted::Lose(machine.name.clone())));
        }
        self.reply(op, after, Answer::LeaseGranted(machine));
    }

    fn release(&mut self, op: OpId, lease: LeaseId) {
        self.fleet.give_back(lease);
        let after = self.rng.millis(0, 500);
        self.reply(op, after, Answer::LeaseReleased);
        while let Some(waiting) = self.fleet.waiting.front().copied() {
            let Some(flight) = self.in_flight.get(&waiting) else {
                self.fleet.waiting.pop_front();
                continue;
            };
            let Task::AcquireLease { lease, .. } = flight.task else { return };
            let build = flight.build;
            if self.fleet.free.is_empty() {
                return;
            }
            self.fleet.waiting.pop_front();
            self.grant(waiting, build, lease);
        }
    }

    fn find_snapshot(&mut self, op: OpId, build: BuildId) {
        let after = self.rng.millis(1, 200);
        if self.trouble(self.plan.faults.disk) {
            self.model.trouble(build);
            let broken = failure(ExecFailureKind::Store, "the store does not answer");
            return self.reply(op, after, Answer::SnapshotSought(Err(broken)));
        }
        let exists = self.build(build).snapshot || self.checker.facts(build).is_some_and(|f| f.snapshot.is_some());
        let found = exists.then(|| snapshot(Duration::from_secs(3600)));
        self.reply(op, after, Answer::SnapshotSought(Ok(found)));
    }

    /// A phase on a machine: it ends well, fails as planned, or could not be run.
    fn phase(&mut self, op: OpId, build: BuildId, task: &Task) {
        let plan = self.build(build).clone();
        let after = match task {
            Task::Make { .. } => plan.make_takes * self.slowness(),
            _ => Duration::from_millis(500) * self.slowness(),
        };
        let exec_failure = if self.trouble(self.plan.faults.disk) {
            Some(failure(ExecFailureKind::DiskFull, "no space left on device"))
        } else if self.trouble(self.plan.faults.phase) {
            Some(failure(ExecFailureKind::MachineLost, "connection reset"))
        } else {
            None
        };
        if exec_failure.is_some() {
            self.model.trouble(build);
        } else if self.trouble(self.plan.faults.phase_hangs) {
            self.model.trouble(build);
            return;
        }
        self.reply(op, after, phase_answer(task, &plan, exec_failure));
    }

    fn start(&mut self, op: OpId, build: BuildId, lease: LeaseId, exec: Exec) {
        if !self.fleet.alive(lease) {
            let lost = failure(ExecFailureKind::MachineLost, "no connection");
            let end = exec.seen(self.now, Err(lost));
            return self.reply(op, DETECTION, Answer::AttemptEnded(Box::new(end)));
        }
        if exec.end.1 == Ending::MachineDies {
            self.model.trouble(build);
        }
        let span = exec.end.0.since(exec.began);
        let lost = self.trouble(self.plan.faults.lost).then_some(Stop::Lost);
        let frozen = self.trouble(self.plan.faults.frozen);
        let frozen = frozen.then(|| if self.rng.chance(500) { Stop::Frozen } else { Stop::Unnoticed });
        if let Some(stop) = lost.or(frozen) {
            self.model.trouble(build);
            let at = self.now.plus(span * self.rng.between(0, 100) / 100);
            self.at(at, Happening::Stops(op, stop));
        }
        for moment in exec.moments.iter().filter(|moment| exec.parsed && !moment.silent) {
            let attempt = exec.attempt;
            let started = Event::TestStarted { attempt, name: moment.name.clone() };
            self.at(moment.begins, Happening::Progress(op, started));
            if let Some((ended, _)) = &moment.ends {
                let event = Event::TestEnded { attempt, name: moment.name.clone() };
                self.at(*ended, Happening::Progress(op, event));
            }
        }
        let (at, ending) = exec.end.clone();
        match ending {
            Ending::MachineDies => self.at(at, Happening::Stops(op, Stop::Lost)),
            Ending::Command(end) => {
                let mut seen = exec.seen(at, Ok(end));
                if self.trouble(self.plan.faults.lies) {
                    self.model.lied(build);
                    self.lie(build, &mut seen);
                }
                self.reply(op, at.since(self.now), Answer::AttemptEnded(Box::new(seen)));
            }
        }
        self.fleet.execs.insert(op, (lease, exec));
    }

    /// Whether progress of this exec still reaches us.
    pub(crate) fn still_runs(&self, op: OpId) -> bool {
        self.in_flight.contains_key(&op) && self.fleet.lease_of(op).is_some_and(|lease| self.fleet.alive(lease))
    }

    /// A machine stops: whatever is under way on it ends as an exec failure, sooner or later.
    pub(crate) fn stop(&mut self, lease: LeaseId, how: Stop) {
        let Some(entry) = self.fleet.leased.get_mut(&lease) else { return };
        entry.1 = false;
        let (after, detail) = match how {
            Stop::Lost => (DETECTION, "connection reset"),
            Stop::Frozen | Stop::Unnoticed => (HEARTBEATS, "3 heartbeats missed"),
        };
        let lost = failure(ExecFailureKind::MachineLost, detail);
        for (op, build, task) in self.on_machine(lease) {
            self.model.trouble(build);
            self.fleet.muted.insert(op);
            let answer = match self.fleet.execs.get(&op) {
                Some((_, exec)) => Answer::AttemptEnded(Box::new(exec.seen(self.now, Err(lost.clone())))),
                None => phase_answer(&task, &self.build(build).clone(), Some(lost.clone())),
            };
            if how != Stop::Unnoticed {
                self.reply_as(op, after, answer, Voice::Host);
            }
        }
        if how != Stop::Unnoticed {
            let told = self.now.plus(after);
            self.at(told, Happening::Tell(Event::MachineLost { lease, cause: lost }));
        }
    }

    fn on_machine(&self, lease: LeaseId) -> Vec<(OpId, BuildId, Task)> {
        let there = |task: &Task| lease_of(task) == Some(lease) && !matches!(task, Task::ReleaseLease { .. });
        let flights = self.in_flight.iter().filter(|(_, flight)| there(&flight.task));
        flights
            .filter(|(_, flight)| !matches!(flight.task, Task::AcquireLease { .. }))
            .map(|(op, flight)| (*op, flight.build, flight.task.clone()))
            .collect()
    }

    /// The engine calls an effect back: it ends soon.
    pub(crate) fn call_back(&mut self, op: OpId) {
        let Some(flight) = self.in_flight.get(&op).cloned() else { return };
        let after = self.rng.millis(0, 1000);
        let canceled = failure(ExecFailureKind::Other, "called back");
        match flight.task {
            Task::AcquireLease { lease, .. } => {
                self.fleet.waiting.retain(|waiting| *waiting != op);
                if self.fleet.leased.contains_key(&lease) {
                    if self.trouble(self.plan.faults.late_grant) {
                        return;
                    }
                    self.fleet.give_back(lease);
                }
                self.reply(op, Duration::ZERO, Answer::LeaseRefused(canceled));
            }
            Task::RunGroup { lease, .. } => {
                if !self.fleet.alive(lease) {
                    return;
                }
                let Some((_, exec)) = self.fleet.execs.get(&op) else { return };
                let at = self.now.plus(after).min(exec.end.0);
                let end = if self.rng.chance(500) { Ok(CommandEnd::Signaled("killed".into())) } else { Err(canceled) };
                let seen = exec.seen(at, end);
                self.reply(op, after, Answer::AttemptEnded(Box::new(seen)));
            }
            Task::ReleaseLease { .. } => {}
            Task::Estimate | Task::PlanHelpers(_) | Task::Decide(_) | Task::FindSnapshot => {}
            Task::PushSource { .. }
            | Task::SetUp { .. }
            | Task::Make { .. }
            | Task::SaveSnapshot { .. }
            | Task::ListTests { .. } => {
                let plan = self.build(flight.build).clone();
                self.reply(op, after, phase_answer(&flight.task, &plan, Some(canceled)));
            }
        }
    }
}

/// Where a task is done.
pub(crate) fn lease_of(task: &Task) -> Option<LeaseId> {
    match task {
        Task::AcquireLease { lease, .. }
        | Task::ReleaseLease { lease, .. }
        | Task::PushSource { lease }
        | Task::SetUp { lease }
        | Task::Make { lease }
        | Task::SaveSnapshot { lease }
        | Task::ListTests { lease }
        | Task::RunGroup { lease, .. } => Some(*lease),
        Task::FindSnapshot | Task::Estimate | Task::PlanHelpers(_) | Task::Decide(_) => None,
    }
}

fn snapshot(age: Duration) -> SnapshotInfo {
    SnapshotInfo { key: "key".into(), bytes: 1 << 20, digest: "sha256:11".into(), age }
}

/// The end of a phase: as planned, or an exec failure.
fn phase_answer(task: &Task, plan: &BuildPlan, failed: Option<ExecFailure>) -> Answer {
    let step = |failed: Option<ExecFailure>| failed.map_or(Ok(()), |failure| Err(StepFailure::Exec(failure)));
    match task {
        Task::PushSource { .. } => Answer::SourcePushed(step(failed)),
        Task::SetUp { .. } => Answer::SetUp(failed.map_or(Ok(()), Err)),
        Task::Make { .. } if failed.is_none() && plan.make_fails => {
            Answer::Made(Err(StepFailure::Command { step: "make".into(), end: CommandEnd::Exited(2) }))
        }
        Task::Make { .. } => Answer::Made(step(failed)),
        Task::SaveSnapshot { .. } => Answer::SnapshotSaved(failed.map_or(Ok(snapshot(Duration::ZERO)), Err)),
        Task::AcquireLease { .. }
        | Task::ReleaseLease { .. }
        | Task::FindSnapshot
        | Task::ListTests { .. }
        | Task::Estimate
        | Task::PlanHelpers(_)
        | Task::Decide(_)
        | Task::RunGroup { .. } => Answer::TestsListed(match failed {
            Some(failure) => Err(ListFailure::Exec(failure)),
            None => listing(plan),
        }),
    }
}

fn listing(plan: &BuildPlan) -> Result<Vec<engine::Test>, ListFailure> {
    let tests: Vec<engine::Test> = plan.tests.iter().map(|plan| plan.test.clone()).collect();
    match plan.list {
        ListPlan::Tests => Ok(tests),
        ListPlan::Fails => Err(ListFailure::Command("exit status 2".into())),
        ListPlan::Empty => Ok(Vec::new()),
        ListPlan::Twice => Ok(tests.iter().chain(&tests[..1]).cloned().collect()),
        ListPlan::NoMatch => Err(ListFailure::NoMatch(vec!["t0".into()])),
    }
}
