//! Helpers: when they are asked for, and how they get the tree.

use std::time::Duration;

use super::{Build, LeaseState, LiveLease};
use crate::engine::Step;
use crate::policy::{AskAt, HelperInput};
use crate::{Phase, PluginFault, Role, Task, VerdictKind};

impl Build {
    pub(super) fn go_on_with_helpers(&mut self, step: &mut Step) {
        self.plan_helpers(step);
        self.ask_for_helpers(step);
        self.set_up_bare_machines(step);
    }

    fn wants_helpers(&self) -> bool {
        let making = matches!(self.facts.phase(), Phase::Make | Phase::Snapshot | Phase::List | Phase::Test);
        let testing = self.facts.phase() == Phase::Test;
        let spec = &self.facts.spec;
        making && !spec.one_command && spec.max_helpers > 0 && (!testing || !self.live.waiting.is_empty())
    }

    fn plan_helpers(&mut self, step: &mut Step) {
        if !self.live.helpers.changed || self.live.helpers.op.is_some() || !self.wants_helpers() {
            return;
        }
        self.live.helpers.changed = false;
        let input = self.helper_input(step);
        if self.live.policy.built_in {
            self.take_plan(step, builtin::plan_helpers(&input));
        } else {
            let op = self.order(step, Task::PlanHelpers(input), self.facts.spec.limits.plugin);
            self.live.helpers.op = Some(op);
        }
    }

    fn helper_input(&self, step: &Step) -> HelperInput {
        let expected = |facts: &crate::TestFacts| facts.estimate.as_ref().map(|estimate| estimate.expected);
        let left = self.facts.tests.iter().filter(|test| test.verdict.is_none());
        let durations: Option<Vec<Duration>> = left.map(expected).collect();
        let known = durations.filter(|durations| !durations.is_empty());
        let helpers = self.live.leases.values().filter(|lease| !lease.main).count();
        HelperInput {
            phases: self.facts.expected,
            tests_total: known.as_ref().map(|durations| durations.iter().sum()),
            longest_test: known.as_ref().and_then(|durations| durations.iter().max().copied()),
            test_count: known.as_ref().map(|durations| u32::try_from(durations.len()).unwrap_or(u32::MAX)),
            elapsed: self.since_make(step),
            made: self.facts.phase() > Phase::Make,
            max_helpers: self.facts.spec.max_helpers,
            present: u32::try_from(helpers).unwrap_or(u32::MAX),
            waiting: 0,
            elastic: self.facts.spec.elastic,
        }
    }

    fn since_make(&self, step: &Step) -> Duration {
        let from = self.facts.began(Phase::Make).or(self.facts.began(Phase::List));
        from.map_or(Duration::ZERO, |from| step.now.since(from))
    }

    pub(super) fn helpers_planned(&mut self, step: &mut Step, plan: Result<Vec<AskAt>, PluginFault>) {
        self.live.helpers.op = None;
        match plan {
            Ok(plan) => self.take_plan(step, plan),
            Err(fault) => {
                self.plugin_faulted(step, "policy", fault);
                self.use_built_in_policy();
                self.live.helpers.changed = true;
            }
        }
    }

    fn take_plan(&mut self, step: &Step, plan: Vec<AskAt>) {
        let began = step.now.as_nanos().saturating_sub(nanos(self.since_make(step)));
        let at = |ask: &AskAt| crate::Time::from_nanos(began.saturating_add(nanos(ask.at)));
        self.live.helpers.plan = plan.iter().filter(|ask| ask.count > 0).map(|ask| (at(ask), ask.count)).collect();
    }

    /// Carries out what is due of the plan. Lost helpers are replaced at most as often as there may be helpers.
    fn ask_for_helpers(&mut self, step: &mut Step) {
        if !self.wants_helpers() {
            self.live.helpers.plan.clear();
            return;
        }
        let (due, later): (Vec<_>, Vec<_>) = self.live.helpers.plan.iter().partition(|(at, _)| *at <= step.now);
        self.live.helpers.plan = later;
        let max = self.facts.spec.max_helpers;
        for _ in 0..due.iter().fold(0, |sum: u32, (_, count)| sum.saturating_add(*count)) {
            let present = self.live.leases.values().filter(|lease| !lease.main).count();
            if present >= max as usize || self.live.helpers.asked >= max.saturating_mul(2) {
                return;
            }
            self.live.helpers.asked += 1;
            let lease = step.shared.next_lease();
            let host_type = self.facts.spec.test_host_type.clone();
            let task = Task::AcquireLease { lease, role: Role::Helper, host_type };
            let op = self.order(step, task, self.facts.spec.limits.acquire);
            self.live.leases.insert(lease, LiveLease { main: false, state: LeaseState::Asked(op) });
        }
    }

    /// A machine that is there gets the tree as soon as the snapshot exists or is being written.
    fn set_up_bare_machines(&mut self, step: &mut Step) {
        let saving = self.facts.phase() == Phase::Snapshot && self.live.phase_op.is_some();
        if !(self.facts.snapshot.is_some() || saving) {
            return;
        }
        let bare: Vec<_> =
            self.live.leases.iter().filter(|(_, l)| l.state == LeaseState::Bare).map(|(id, _)| *id).collect();
        for lease in bare {
            let op = self.order(step, Task::SetUp { lease }, self.facts.spec.limits.phase);
            self.set_state(lease, LeaseState::SettingUp(op));
        }
    }

    /// Whether a verdict is one that fails the build.
    pub(super) fn fails(kind: VerdictKind) -> bool {
        matches!(kind, VerdictKind::Failed)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
