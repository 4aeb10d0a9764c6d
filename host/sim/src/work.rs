//! What machines do: phases and execs, and how they end.

use std::time::Duration;

use engine::{
    Answer, AttemptId, BuildId, CommandEnd, Event, ExecFailure, ExecFailureKind, LeaseId, ListFailure, OpId,
    SnapshotInfo, StepFailure, Task,
};

use crate::exec::{Ending, Exec, play};
use crate::fleet::{DETECTION, Running, Step, failure};
use crate::happening::{Happening, Stop};
use crate::plan::{BuildPlan, ListPlan, TestPlan};
use crate::world::World;

impl World {
    /// Begins to do what the engine ordered.
    pub(crate) fn carry_out(&mut self, op: OpId, build: BuildId, task: Task) {
        match task {
            Task::AcquireLease { lease, .. } => self.acquire(op, build, lease),
            Task::AdoptLease { lease, machine, .. } => self.adopt(op, build, lease, machine),
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
            Task::RunGroup { attempt, lease, .. } if self.fleet.execs.contains_key(&attempt) => {
                self.attach(op, build, attempt, lease);
            }
            Task::RunGroup { attempt, lease, tests, limit } => {
                self.checker.begins(build, attempt);
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
        let step = step_of(task);
        if let Some((ends, answer)) = step.and_then(|step| self.fleet.steps.get(&step)).cloned() {
            let after = ends.since(self.now);
            return answer.map_or((), |answer| self.reply(op, after, answer));
        }
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
            self.note_step(step, Duration::ZERO, None);
            return;
        }
        let answer = phase_answer(task, &plan, exec_failure);
        self.note_step(step, after, Some(&answer));
        self.reply(op, after, answer);
    }

    /// A machine remembers how what it begins will end.
    fn note_step(&mut self, step: Option<(LeaseId, Step)>, after: Duration, answer: Option<&Answer>) {
        if let Some(step) = step {
            self.fleet.steps.insert(step, (self.now.plus(after), answer.cloned()));
        }
    }

    fn start(&mut self, op: OpId, build: BuildId, lease: LeaseId, exec: Exec) {
        let attempt = exec.attempt;
        if exec.end.1 == Ending::MachineDies {
            self.model.trouble(build);
        }
        let span = exec.end.0.since(exec.began);
        let running = Running { lease, exec, told: None, delay: Duration::ZERO };
        self.fleet.execs.insert(attempt, running);
        if !self.fleet.alive(lease) {
            return self.attach(op, build, attempt, lease);
        }
        let lost = self.trouble(self.plan.faults.lost).then_some(Stop::Lost);
        let frozen = self.trouble(self.plan.faults.frozen);
        let frozen = frozen.then(|| if self.rng.chance(500) { Stop::Frozen } else { Stop::Unnoticed });
        if let Some(stop) = lost.or(frozen) {
            self.model.trouble(build);
            let at = self.now.plus(span * self.rng.between(0, 100) / 100);
            self.at(at, Happening::Stops(attempt, stop));
        }
        self.foresee_end(build, attempt, lease);
        self.attach(op, build, attempt, lease);
    }

    /// What will be told of the end of an exec, honestly or not.
    fn foresee_end(&mut self, build: BuildId, attempt: AttemptId, lease: LeaseId) {
        let exec = self.fleet.execs[&attempt].exec.clone();
        let (at, ending) = exec.end.clone();
        let Ending::Command(end) = ending else { return self.at(at, Happening::Stops(attempt, Stop::Lost)) };
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
        if let Some(running) = self.fleet.execs.get_mut(&attempt) {
            (running.told, running.delay) = (Some(seen), delay);
        }
    }

    /// Somebody listens to an exec: it is told from its beginning.
    fn attach(&mut self, op: OpId, build: BuildId, attempt: AttemptId, lease: LeaseId) {
        let Running { exec, told, delay, .. } = self.fleet.execs[&attempt].clone();
        if !self.fleet.alive(lease) {
            // It may have been lost before anything of this build ran on it.
            self.model.trouble(build);
            let end = exec.seen(exec.began, Err(failure(ExecFailureKind::MachineLost, "no connection")));
            return self.reply(op, DETECTION, Answer::AttemptEnded(Box::new(end)));
        }
        let (now, last) = (self.now, exec.end.0);
        let happened = exec.moments.iter().filter(|moment| exec.parsed && !moment.silent && moment.begins <= last);
        for moment in happened {
            let started = Event::TestStarted { attempt, name: moment.name.clone() };
            self.at(moment.begins.max(now), Happening::Progress(op, started));
            if let Some((ended, _)) = moment.ends.as_ref().filter(|(ended, _)| *ended <= last) {
                let event = Event::TestEnded { attempt, name: moment.name.clone() };
                self.at((*ended).max(now), Happening::Progress(op, event));
            }
        }
        if let Some(seen) = told {
            self.reply(op, last.since(now) + delay, Answer::AttemptEnded(Box::new(seen)));
        }
    }
}

fn step_of(task: &Task) -> Option<(LeaseId, Step)> {
    match task {
        Task::Make { lease } => Some((*lease, Step::Make)),
        Task::ListTests { lease } => Some((*lease, Step::List)),
        _ => None,
    }
}

/// Where a task is done.
pub(crate) fn lease_of(task: &Task) -> Option<LeaseId> {
    match task {
        Task::AcquireLease { lease, .. }
        | Task::AdoptLease { lease, .. }
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
        | Task::AdoptLease { .. }
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
