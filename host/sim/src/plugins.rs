//! Simulated plugins, good and bad, and machines that lie.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::policy::{Action, AskAt, Decision, HelperInput};
use engine::{
    Answer, AttemptEnd, BuildId, CommandEnd, DecideTask, Decided, Estimate, EstimateSource, Estimates, OpId, Phases,
    PluginFault, PluginFaultKind, PluginRef, Status,
};

use crate::exec::report;
use crate::plan::{BuildPlan, EstimatorPlan, Lie, PolicyPlan, TestPlan};
use crate::world::World;

/// The runs that policies keep.
pub(crate) type Runs = BTreeMap<BuildId, builtin::Run>;

fn by() -> PluginRef {
    PluginRef { name: "sim".into(), digest: "sha256:00".into() }
}

fn trap() -> PluginFault {
    PluginFault { kind: PluginFaultKind::Trapped, detail: "unreachable".into() }
}

impl World {
    pub(crate) fn estimate(&mut self, op: OpId, build: BuildId) {
        let after = self.some(0, 50);
        let how = if self.trouble(self.plan.faults.plugin) {
            use EstimatorPlan::{Absurd, Silent, TooFew, Traps};
            *self.rng.pick(&[Silent, Traps, TooFew, Absurd])
        } else {
            self.build(build).estimator
        };
        let answer = match how {
            EstimatorPlan::Good => Ok(honest_estimates(self.build(build))),
            EstimatorPlan::TooFew => Ok(estimates(Vec::new())),
            EstimatorPlan::Absurd => {
                let longest = Estimate {
                    expected: Duration::from_nanos(u64::MAX),
                    deviation: Duration::from_nanos(u64::MAX),
                    source: EstimateSource::Table,
                };
                Ok(estimates(vec![longest; self.build(build).tests.len()]))
            }
            EstimatorPlan::Traps => Err(trap()),
            EstimatorPlan::Silent => return,
        };
        self.reply(op, after, Answer::Estimated(answer));
    }

    pub(crate) fn plan_helpers(&mut self, op: OpId, _build: BuildId, input: &HelperInput) {
        let after = self.some(0, 50);
        if self.trouble(self.plan.faults.plugin) {
            match self.rng.below(3) {
                0 => {}
                1 => self.reply(op, after, Answer::HelpersPlanned(Err(trap()))),
                _ => {
                    let absurd = |at| AskAt { at, count: u32::MAX };
                    let plan = vec![absurd(Duration::ZERO), absurd(input.elapsed), absurd(Duration::MAX)];
                    self.reply(op, after, Answer::HelpersPlanned(Ok(plan)));
                }
            }
            return;
        }
        self.reply(op, after, Answer::HelpersPlanned(Ok(builtin::plan_helpers(input))));
    }

    pub(crate) fn decide(&mut self, op: OpId, build: BuildId, task: DecideTask) {
        let now = task.now;
        let idle = task.idle.clone();
        let good = self.good_decision(build, task);
        let kind = self.build(build).policy;
        let tests = u32::try_from(self.build(build).tests.len()).unwrap_or(u32::MAX);
        let start = |tests: Vec<u32>| vec![Action::Start { worker: idle[0], tests }];
        let later = Some(now + Duration::from_secs(1));
        let (actions, wake_at) = match kind {
            PolicyPlan::Good => (good.actions, None),
            PolicyPlan::Copies => (self.with_copies(good.actions, &idle, tests), None),
            PolicyPlan::UnknownTest => (start(vec![tests + 1000]), None),
            PolicyPlan::BusyWorker => (vec![Action::Start { worker: 4_000_000, tests: vec![0] }], None),
            PolicyPlan::OneGroup => (start((0..tests).collect()), None),
            PolicyPlan::TearsGroups => (torn(good.actions), None),
            PolicyPlan::Twice => (start(vec![0, 0]), None),
            PolicyPlan::EmptyGroup => (start(Vec::new()), None),
            PolicyPlan::Nothing => (Vec::new(), None),
            PolicyPlan::Later => (Vec::new(), later),
            PolicyPlan::ReleaseAll => (idle.iter().map(|worker| Action::Release(*worker)).collect(), later),
            PolicyPlan::Silent => return,
            PolicyPlan::Traps => return self.reply(op, Duration::ZERO, Answer::Decided(Err(trap()))),
        };
        let decision = Decision { actions, wake_at, note: String::new() };
        // Now and then the answer takes so long that much has changed.
        let after = if self.plan.steady {
            self.build(build).policy_takes
        } else if self.rng.chance(100) {
            self.rng.millis(0, 4000)
        } else {
            self.rng.millis(0, 5)
        };
        self.reply(op, after, Answer::Decided(Ok(Decided { decision, by: by() })));
    }

    fn good_decision(&mut self, build: BuildId, task: DecideTask) -> Decision {
        if let Some(input) = task.construct {
            self.runs.insert(build, builtin::Run::new(input));
        }
        let Some(run) = self.runs.get_mut(&build) else { return Decision::default() };
        run.observe(&task.observed);
        run.decide(task.now, &task.idle)
    }

    /// Where the rule lets a worker go a copy is started; by chance also where it leaves one idle.
    fn with_copies(&mut self, actions: Vec<Action>, idle: &[u32], tests: u32) -> Vec<Action> {
        let steady = self.plan.steady;
        let mut copy = |worker| {
            let test = if steady { tests - 1 } else { self.rng.between(0, tests - 1) };
            Action::Duplicate { worker, test }
        };
        let mut with: Vec<Action> = Vec::new();
        for action in actions {
            with.push(match action {
                Action::Release(worker) => copy(worker),
                Action::Start { .. } | Action::Duplicate { .. } => action,
            });
        }
        let used: Vec<u32> = with.iter().map(worker_of).collect();
        for worker in idle.iter().filter(|worker| !used.contains(worker)) {
            if !steady && self.rng.chance(500) {
                let test = self.rng.between(0, tests - 1);
                with.push(Action::Duplicate { worker: *worker, test });
            }
        }
        with
    }

    /// A lie that chance draws.
    pub(crate) fn lie_by_chance(&mut self, build: BuildId, seen: &mut AttemptEnd) {
        use Lie::{Contradicts, Invents, LeavesOut, TellsOfOthers, TurnsExit};
        let lie = *self.rng.pick(&[LeavesOut, Contradicts, TurnsExit, Invents, TellsOfOthers]);
        self.lie(build, lie, seen);
    }

    /// What a lying machine makes of what was seen.
    pub(crate) fn lie(&mut self, build: BuildId, lie: Lie, seen: &mut AttemptEnd) {
        let any = if self.plan.steady { 0 } else { self.rng.index(seen.reports.len().max(1)) };
        match lie {
            Lie::LeavesOut if seen.reports.is_empty() => {}
            Lie::LeavesOut => {
                seen.reports.remove(any);
            }
            Lie::Contradicts => {
                let Some(mut again) = seen.reports.get(any).cloned() else { return };
                again.status = if again.status == Status::Failed { Status::Passed } else { Status::Failed };
                seen.reports.push(again);
            }
            Lie::TurnsExit => {
                let turned = !matches!(seen.end, Ok(CommandEnd::Exited(0)));
                seen.end = Ok(CommandEnd::Exited(i32::from(!turned)));
            }
            Lie::Invents => {
                let stranger = if self.plan.steady { 0 } else { self.rng.below(3) };
                let passes = !self.plan.steady && self.rng.below(3) == 0;
                let status = if passes { Status::Passed } else { Status::Failed };
                seen.reports.push(report(&format!("stranger{stranger}"), status, Duration::ZERO));
            }
            Lie::TellsOfOthers => {
                let ran = |name: &str| seen.reports.iter().any(|report| report.name == *name);
                let tests = &self.build(build).tests;
                let Some(other) = tests.iter().map(|plan| &plan.test.name).find(|name| !ran(name)) else { return };
                let told = report(other, Status::Failed, Duration::ZERO);
                seen.reports.push(told);
            }
        }
    }
}

/// Groups without their last test, where there are others.
fn torn(mut actions: Vec<Action>) -> Vec<Action> {
    for action in &mut actions {
        if let Action::Start { tests, .. } = action
            && tests.len() > 1
        {
            tests.pop();
        }
    }
    actions
}

fn worker_of(action: &Action) -> u32 {
    match action {
        Action::Start { worker, .. } | Action::Duplicate { worker, .. } | Action::Release(worker) => *worker,
    }
}

fn honest_estimates(plan: &BuildPlan) -> Estimates {
    let estimate = |test: &TestPlan| match test.expected {
        Some(expected) => Estimate { expected, deviation: expected / 10, source: EstimateSource::History(3) },
        None => Estimate { expected: builtin::PRIOR, deviation: builtin::PRIOR, source: EstimateSource::Prior },
    };
    let phases = Phases {
        make: plan.make_takes,
        machine_start: plan.machine_takes,
        setup: Duration::from_millis(500),
        exec_overhead: plan.overhead,
    };
    Estimates { phases, ..estimates(plan.tests.iter().map(estimate).collect()) }
}

fn estimates(tests: Vec<Estimate>) -> Estimates {
    Estimates { tests, phases: Phases::default(), by: by() }
}
