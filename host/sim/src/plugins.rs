//! Simulated plugins, good and bad, and machines that lie.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::policy::{Action, AskAt, Decision, HelperInput};
use engine::{
    Answer, AttemptEnd, BuildId, CommandEnd, DecideTask, Decided, Estimate, EstimateSource, Estimates, OpId, Phases,
    PluginFault, PluginFaultKind, PluginRef, Status,
};

use crate::exec::report;
use crate::plan::PolicyPlan;
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
        let after = self.rng.millis(0, 50);
        if self.trouble(self.plan.faults.plugin) {
            match self.rng.below(4) {
                0 => {}
                1 => self.reply(op, after, Answer::Estimated(Err(trap()))),
                2 => self.reply(op, after, Answer::Estimated(Ok(estimates(Vec::new())))),
                _ => {
                    let longest = Estimate {
                        expected: Duration::from_nanos(u64::MAX),
                        deviation: Duration::from_nanos(u64::MAX),
                        source: EstimateSource::Table,
                    };
                    let count = self.build(build).tests.len();
                    self.reply(op, after, Answer::Estimated(Ok(estimates(vec![longest; count]))));
                }
            }
            return;
        }
        let known = self.rng.chance(700);
        let plan = self.build(build);
        let source = if known { EstimateSource::History(3) } else { EstimateSource::Prior };
        let estimate = |takes: Duration| Estimate { expected: takes, deviation: takes / 10, source: source.clone() };
        let tests = plan.tests.iter().map(|test| estimate(test.takes)).collect();
        let phases = Phases {
            make: plan.make_takes,
            machine_start: plan.machine_takes,
            setup: Duration::from_millis(500),
            exec_overhead: plan.overhead,
        };
        self.reply(op, after, Answer::Estimated(Ok(Estimates { phases, ..estimates(tests) })));
    }

    pub(crate) fn plan_helpers(&mut self, op: OpId, _build: BuildId, input: &HelperInput) {
        let after = self.rng.millis(0, 50);
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
            PolicyPlan::Copies => (self.with_copies(good.actions, tests), None),
            PolicyPlan::UnknownTest => (start(vec![tests + 1000]), None),
            PolicyPlan::BusyWorker => (vec![Action::Start { worker: 4_000_000, tests: vec![0] }], None),
            PolicyPlan::OneGroup => (start((0..tests).collect()), None),
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
        let after = if self.rng.chance(100) { self.rng.millis(0, 4000) } else { self.rng.millis(0, 5) };
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

    fn with_copies(&mut self, actions: Vec<Action>, tests: u32) -> Vec<Action> {
        let mut copy = |action| match action {
            Action::Release(worker) => Action::Duplicate { worker, test: self.rng.between(0, tests - 1) },
            Action::Start { .. } | Action::Duplicate { .. } => action,
        };
        actions.into_iter().map(&mut copy).collect()
    }

    /// What a lying machine makes of what was seen.
    pub(crate) fn lie(&mut self, build: BuildId, seen: &mut AttemptEnd) {
        let any = self.rng.index(seen.reports.len().max(1));
        match self.rng.below(5) {
            0 if !seen.reports.is_empty() => {
                seen.reports.remove(any);
            }
            1 if !seen.reports.is_empty() => {
                let mut again = seen.reports[any].clone();
                again.status = *self.rng.pick(&[Status::Passed, Status::Failed, Status::Skipped]);
                seen.reports.push(again);
            }
            2 => {
                let turned = !matches!(seen.end, Ok(CommandEnd::Exited(0)));
                seen.end = Ok(CommandEnd::Exited(i32::from(!turned)));
            }
            3 => {
                let status = *self.rng.pick(&[Status::Passed, Status::Failed]);
                let name = format!("stranger{}", self.rng.below(3));
                seen.reports.push(report(&name, status, Duration::ZERO));
            }
            _ => {
                let tests = &self.plan.builds.iter().find(|plan| plan.spec.build == build).expect("planned").tests;
                let name = tests[any % tests.len()].test.name.clone();
                seen.reports.push(report(&name, Status::Passed, Duration::ZERO));
            }
        }
    }
}

fn estimates(tests: Vec<Estimate>) -> Estimates {
    Estimates { tests, phases: Phases::default(), by: by() }
}
