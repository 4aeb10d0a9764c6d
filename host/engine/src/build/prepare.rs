//! From the claim on a main buildlet to the list of tests.

use super::{Build, LeaseState, LiveLease};
use crate::engine::Step;
use crate::{
    Answer, Estimate, ExecFailure, ExecFailureKind, Fact, LeaseId, ListFailure, Outcome, Phase, PluginFault,
    PluginFaultKind, PluginRef, Role, StepFailure, Task, Test, Verdict, VerdictKind,
};

impl Build {
    /// Begins, or begins anew, with a main buildlet and what comes after it.
    pub(super) fn acquire_main(&mut self, step: &mut Step) {
        self.live.waiting.clear();
        self.enter(step, Phase::Acquire);
        self.ask_for_main(step);
    }

    /// Asks for a main buildlet. In the test phase it replaces a lost one and gets the tree as helpers do.
    pub(super) fn ask_for_main(&mut self, step: &mut Step) {
        let lease = step.shared.next_lease();
        let tests = self.facts.phase() == Phase::Test;
        let spec = &self.facts.spec;
        let host_type = if tests { spec.test_host_type.clone() } else { spec.make_host_type.clone() };
        let task = Task::AcquireLease { lease, role: Role::Main, host_type };
        let op = self.order(step, task, self.facts.spec.limits.acquire);
        self.live.main = Some(lease);
        self.live.leases.insert(lease, LiveLease { main: true, state: LeaseState::Asked(op) });
    }

    /// The main buildlet is there: look for a snapshot, or begin with the source.
    pub(super) fn main_granted(&mut self, step: &mut Step, lease: LeaseId) {
        self.enter(step, Phase::Prepare);
        self.set_state(lease, LeaseState::Making);
        self.prepare(step, lease);
    }

    fn prepare(&mut self, step: &mut Step, lease: LeaseId) {
        // A snapshot that this very build made may always be used again.
        if self.facts.spec.reuse_snapshot || self.facts.snapshot.is_some() {
            self.phase(step, Task::FindSnapshot);
        } else {
            self.phase(step, Task::PushSource { lease });
        }
    }

    /// Orders again what the main buildlet did when the coordinator stopped.
    pub(super) fn resume(&mut self, step: &mut Step, lease: LeaseId) {
        match self.facts.phase() {
            Phase::Queue | Phase::Acquire | Phase::Prepare => self.prepare(step, lease),
            Phase::Make => self.phase(step, Task::Make { lease }),
            Phase::Snapshot => self.phase(step, Task::SaveSnapshot { lease }),
            Phase::List if self.facts.tests.is_empty() => self.phase(step, Task::ListTests { lease }),
            Phase::List => self.ask_estimator(step),
            Phase::Test | Phase::Done => {}
        }
    }

    fn phase(&mut self, step: &mut Step, task: Task) {
        let op = self.order(step, task, self.facts.spec.limits.phase);
        self.live.phase_op = Some(op);
    }

    pub(super) fn phase_answered(&mut self, step: &mut Step, _task: Task, answer: Answer) {
        self.live.phase_op = None;
        let Some(lease) = self.live.main else { return };
        match answer {
            Answer::SnapshotSought(Ok(Some(info))) => {
                if self.facts.snapshot.is_none() {
                    self.record(step, Fact::SnapshotReady { info, reused: true });
                }
                self.phase(step, Task::SetUp { lease });
            }
            Answer::SnapshotSought(Ok(None)) => self.phase(step, Task::PushSource { lease }),
            Answer::SnapshotSought(Err(failure)) => self.errored(step, format!("look for a snapshot: {failure}")),
            Answer::SetUp(Ok(())) => self.list(step, lease),
            Answer::SetUp(Err(failure)) => self.main_failed(step, lease, "set up the main buildlet", failure),
            Answer::SourcePushed(Ok(())) => {
                self.enter(step, Phase::Make);
                self.phase(step, Task::Make { lease });
            }
            Answer::SourcePushed(Err(failure)) => self.step_failed(step, lease, "push the source", failure),
            Answer::Made(Ok(())) => self.made(step, lease),
            Answer::Made(Err(failure)) => self.step_failed(step, lease, "make the tree", failure),
            Answer::SnapshotSaved(Ok(info)) => {
                self.record(step, Fact::SnapshotReady { info, reused: false });
                self.list(step, lease);
            }
            Answer::SnapshotSaved(Err(failure)) => self.main_failed(step, lease, "snapshot the tree", failure),
            Answer::TestsListed(Ok(tests)) => self.listed(step, tests),
            Answer::TestsListed(Err(failure)) => self.list_failed(step, lease, failure),
            Answer::Estimated(result) => self.estimated(step, result),
            // Answers that have nothing to do with a phase do not get here.
            Answer::LeaseGranted(_)
            | Answer::LeaseRefused(_)
            | Answer::LeaseReleased
            | Answer::HelpersPlanned(_)
            | Answer::Decided(_)
            | Answer::AttemptEnded(_) => {}
        }
    }

    fn made(&mut self, step: &mut Step, lease: LeaseId) {
        if self.facts.spec.one_command {
            self.list(step, lease);
        } else {
            self.enter(step, Phase::Snapshot);
            self.phase(step, Task::SaveSnapshot { lease });
        }
    }

    fn list(&mut self, step: &mut Step, lease: LeaseId) {
        self.enter(step, Phase::List);
        if self.facts.tests.is_empty() {
            self.phase(step, Task::ListTests { lease });
        } else {
            // A restart or a second main buildlet: the list of before stands.
            self.begin_tests(step);
        }
    }

    fn listed(&mut self, step: &mut Step, tests: Vec<Test>) {
        if tests.is_empty() {
            self.errored(step, "the listing has no test in it".into());
            return;
        }
        let mut names = std::collections::BTreeSet::new();
        if let Some(twice) = tests.iter().find(|test| !names.insert(test.name.as_str())) {
            self.errored(step, format!("the listing names test `{}` twice", twice.name));
            return;
        }
        self.record(step, Fact::TestsListed(tests));
        self.ask_estimator(step);
    }

    fn ask_estimator(&mut self, step: &mut Step) {
        let limits = &self.facts.spec.limits;
        let limit = limits.plugin * 4 + limits.plugin / 1000 * u32::try_from(self.facts.tests.len()).unwrap_or(1);
        self.live.phase_op = Some(self.order(step, Task::Estimate, limit));
    }

    fn estimated(&mut self, step: &mut Step, result: Result<crate::Estimates, PluginFault>) {
        let count = self.facts.tests.len();
        let estimates = match result {
            Ok(estimates) if estimates.tests.len() == count => estimates,
            Ok(estimates) => {
                let detail = format!("{} estimates for {count} tests", estimates.tests.len());
                let fault = PluginFault { kind: PluginFaultKind::BadAnswer, detail };
                self.plugin_faulted(step, "estimator", fault);
                self.priors()
            }
            Err(fault) => {
                self.plugin_faulted(step, "estimator", fault);
                self.priors()
            }
        };
        let crate::Estimates { tests, phases, by } = estimates;
        self.record(step, Fact::Estimated { tests, phases, by });
        self.begin_tests(step);
    }

    /// The built-in estimator: nothing is known.
    fn priors(&self) -> crate::Estimates {
        let prior =
            Estimate { expected: builtin::PRIOR, deviation: builtin::PRIOR, source: crate::EstimateSource::Prior };
        crate::Estimates {
            tests: vec![prior; self.facts.tests.len()],
            phases: self.facts.spec.phases,
            by: PluginRef::built_in(),
        }
    }

    fn begin_tests(&mut self, step: &mut Step) {
        self.enter(step, Phase::Test);
        for index in self.facts.indices() {
            let facts = self.facts.test(index);
            if facts.verdict.is_some() {
                continue;
            }
            if let Some(reason) = facts.test.skip.clone() {
                let verdict = Verdict { kind: VerdictKind::Skipped, cause: reason, duration: None, attempt: None };
                self.record(step, Fact::Verdict { test: index, verdict });
            } else {
                self.live.waiting.insert(index);
            }
        }
        if let Some(lease) = self.live.main {
            self.lease_ready(step, lease);
        }
        self.live.policy.changed = true;
    }

    /// Something failed on the way to the tests. A command's failure is the result; an exec failure is another try
    /// on another machine.
    fn step_failed(&mut self, step: &mut Step, lease: LeaseId, what: &str, failure: StepFailure) {
        match failure {
            StepFailure::Command { step: name, end } => {
                self.live.closing = Some(Outcome::Failed { cause: format!("{what}: {name}: {end}") });
            }
            StepFailure::Exec(failure) => self.main_failed(step, lease, what, failure),
            StepFailure::Plugin(fault) => {
                self.plugin_faulted(step, "builder", fault.clone());
                self.errored(step, format!("{what}: builder plugin {fault}"));
            }
        }
    }

    fn list_failed(&mut self, step: &mut Step, lease: LeaseId, failure: ListFailure) {
        match failure {
            ListFailure::Command(text) => {
                self.live.closing = Some(Outcome::Failed { cause: format!("list the tests: {text}") });
            }
            ListFailure::Empty => self.errored(step, "the listing has no test in it".into()),
            ListFailure::NoMatch(nearest) => {
                self.live.closing = Some(Outcome::Errored { cause: no_match(&nearest) });
            }
            ListFailure::Exec(failure) => self.main_failed(step, lease, "list the tests", failure),
            ListFailure::Plugin(fault) => {
                self.plugin_faulted(step, "builder", fault.clone());
                self.errored(step, format!("list the tests: builder plugin {fault}"));
            }
        }
    }

    /// The main buildlet failed us before the tests. A full disk or a broken store fails the next one just so.
    fn main_failed(&mut self, step: &mut Step, lease: LeaseId, what: &str, failure: ExecFailure) {
        self.end_lease(step, lease, Some(failure.clone()));
        let final_kind = matches!(failure.kind, ExecFailureKind::DiskFull | ExecFailureKind::Store);
        if final_kind || self.facts.main_losses() >= self.facts.spec.limits.main_losses {
            self.errored(step, format!("{what}: {failure}"));
        } else {
            self.acquire_main(step);
        }
    }

    /// The build cannot be finished.
    pub(super) fn errored(&mut self, _step: &mut Step, cause: String) {
        self.live.closing.get_or_insert(Outcome::Errored { cause });
    }

    /// Records a fault of the plugin that serves as this role; for the rest of the build it is not asked again.
    pub(super) fn plugin_faulted(&mut self, step: &mut Step, role: &str, fault: PluginFault) {
        let named = self.facts.spec.plugins.iter().find(|(name, _)| name == role);
        let plugin = named.map_or_else(PluginRef::built_in, |(_, plugin)| plugin.clone());
        self.record(step, Fact::PluginFaulted { role: role.to_owned(), plugin, fault });
    }
}

fn no_match(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return "the filter matches no test".into();
    }
    format!("the filter matches no test; the nearest names are {}", nearest.join(", "))
}
