//! What machines do: phases and execs, and how they end.

use std::time::Duration;

use engine::{
    Answer, BuildId, CommandEnd, Event, ExecFailure, ExecFailureKind, LeaseId, ListFailure, OpId, SnapshotInfo,
    StepFailure, Task,
};

use crate::exec::{Ending, Exec, play};
use crate::fleet::{DETECTION, failure};
use crate::plan::{BuildPlan, ListPlan, TestPlan};
use crate::world::{Happening, Stop, World};

impl World {
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
                let mood = self.fleet.mood_of(lease).cloned().unwrap_or_default();
                let mut exec = Exec {
                    attempt,
                    began: self.now,
                    overhead: self.build(build).overhead,
                    moments: Vec::new(),
                    end: (self.now, Ending::Command(CommandEnd::Exited(0))),
                    parsed: self.build(build).spec.parsed && !self.trouble(self.plan.faults.unparsed),
                };
                let slow = self.slowness() * mood.slow;
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

    fn find_snapshot(&mut self, op: OpId, build: BuildId) {
        let after = self.some(0, 200);
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
        let mood = lease_of(task).and_then(|lease| self.fleet.mood_of(lease)).cloned().unwrap_or_default();
        let takes = if matches!(task, Task::Make { .. }) { plan.make_takes } else { Duration::from_millis(500) };
        let after = takes * self.slowness() * mood.slow + mood.delay;
        let exec_failure = if let Some(kind) = mood.fails {
            Some(failure(kind, "as the scenario says"))
        } else if self.trouble(self.plan.faults.disk) {
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
            // It may have been lost before anything of this build ran on it.
            self.model.trouble(build);
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
                let mood = self.fleet.mood_of(lease).map(|mood| (mood.delay, mood.lie.take(), mood.fails));
                let (delay, lie, fails) = mood.unwrap_or_default();
                let end = fails.map_or(Ok(end), |kind| Err(failure(kind, "as the scenario says")));
                let mut seen = exec.seen(at, end);
                if self.trouble(self.plan.faults.lies) {
                    self.model.lied(build);
                    self.lie_by_chance(build, &mut seen);
                }
                if let Some(lie) = lie {
                    self.model.lied(build);
                    self.lie(build, lie, &mut seen);
                }
                self.reply(op, at.since(self.now) + delay, Answer::AttemptEnded(Box::new(seen)));
            }
        }
        self.fleet.execs.insert(op, (lease, exec));
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
pub(crate) fn phase_answer(task: &Task, plan: &BuildPlan, failed: Option<ExecFailure>) -> Answer {
    if let Some(failure) = failed {
        return Answer::failure_of(task, failure);
    }
    match task {
        Task::PushSource { .. } => Answer::SourcePushed(Ok(())),
        Task::SetUp { .. } => Answer::SetUp(Ok(())),
        Task::Make { .. } if plan.make_fails => {
            Answer::Made(Err(StepFailure::Command { step: "make".into(), end: CommandEnd::Exited(2) }))
        }
        Task::Make { .. } => Answer::Made(Ok(())),
        Task::SaveSnapshot { .. } => Answer::SnapshotSaved(Ok(snapshot(Duration::ZERO))),
        Task::AcquireLease { .. }
        | Task::ReleaseLease { .. }
        | Task::FindSnapshot
        | Task::ListTests { .. }
        | Task::Estimate
        | Task::PlanHelpers(_)
        | Task::Decide(_)
        | Task::RunGroup { .. } => Answer::TestsListed(listing(plan)),
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
