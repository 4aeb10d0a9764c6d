//! After the end of a build: what it observed goes into the history, and its report to whoever waits.

use std::sync::Arc;
use std::time::Duration;

use engine::{BuildFacts, BuildId, Phase, Role, VerdictKind};
use store::{Observation, PhaseObserved, TestObserved};

use super::{Driver, Finished, Running};
use crate::job::Job;
use crate::report::report;
use crate::view::BuildUpdate;

impl Driver {
    pub(super) fn finish(&mut self, build: BuildId) {
        let Some(Running { job, facts: Some(facts), done, .. }) = self.running.get_mut(&build) else { return };
        let (job, facts, done) = (Arc::clone(job), facts.clone(), done.take());
        self.tasks.spawn(async move {
            let Some((ended, outcome, _)) = facts.ended.clone() else { return };
            if let Err(error) = remember(&job, &facts).await {
                job.tell(BuildUpdate::Note(format!("durations of this build are not remembered: {error}"))).await;
            }
            let report = report(&job, &facts, ended, &outcome).await;
            job.output.remove().await;
            job.tell(BuildUpdate::Done(Box::new(report.clone()))).await;
            if let Some(done) = done {
                let _ = done.send(Ok(Finished { report, facts }));
            }
        });
    }
}

/// Adds what was observed to the history: durations of tests that passed, and of the phases.
async fn remember(job: &Job, facts: &BuildFacts) -> Result<(), store::StoreError> {
    let observed = |duration: Duration, exact: bool, at: engine::Time| Observation {
        duration,
        exact,
        at: at.as_nanos() / 1_000_000_000,
        build: job.build(),
    };
    let mut tests = Vec::new();
    for test in &facts.tests {
        let Some(verdict) = test.verdict.as_ref().filter(|verdict| verdict.kind == VerdictKind::Passed) else {
            continue;
        };
        let ended = verdict.attempt.and_then(|attempt| facts.attempts.get(&attempt)?.ended.as_ref());
        if let (Some(duration), Some(ended)) = (verdict.duration, ended) {
            tests.push(TestObserved { test: test.test.name.clone(), observation: observed(duration, true, ended.at) });
        }
    }
    let mut phases = Vec::new();
    let mut add = |phase, duration: Duration| {
        let at = facts.ended.as_ref().map_or(facts.submitted, |(at, ..)| *at);
        phases.push(PhaseObserved { phase, observation: observed(duration, true, at) });
    };
    let at = facts.ended.as_ref().map_or(facts.submitted, |(at, ..)| *at);
    let make = facts.time_in(Phase::Make, at);
    if !make.is_zero() && facts.snapshot.is_some() {
        add(store::Phase::Make, make);
    }
    let helpers = facts.leases.values().filter(|lease| lease.role == Role::Helper);
    for (from, ready) in helpers.filter_map(|lease| facts.set_up_span(lease)) {
        add(store::Phase::Setup, ready.since(from));
    }
    if let (Some(asked), Some(main)) = (facts.began(Phase::Acquire), facts.leases.values().next()) {
        add(store::Phase::MachineStart, main.granted.since(asked));
    }
    let overheads: Vec<Duration> =
        facts.attempts.values().filter_map(|attempt| attempt.ended.as_ref()?.overhead).collect();
    if let Some(overhead) = builtin::median(&overheads) {
        add(store::Phase::ExecOverhead, overhead);
    }
    job.store.observe(&job.series, &tests, &phases).await
}
