//! After the end of a build: what it observed goes into the history, and its report to whoever waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{AttemptId, BuildFacts, BuildId, Phase, Role, VerdictKind};
use store::{Observation, PhaseObserved, Store, TestObserved};

use super::jobs::JobState;
use super::publish::Publisher;
use super::{Driver, Internal, Waiter};
use crate::CoordinatorError;
use crate::coordinator::Finished;
use crate::job::{Job, series};
use crate::ports::LogFormat;
use crate::report::{NoExcerpts, report_of};
use crate::view::BuildUpdate;

impl Driver {
    /// A build has ended: all that belongs to it is completed, and only then is it a finished one. A coordinator that is
    /// killed before that does it in its next life.
    pub(super) fn finish(&mut self, build: BuildId) {
        let Some(running) = self.running.get_mut(&build).filter(|running| !running.completing) else { return };
        let Some(facts) = running.live.as_ref().map(|live| live.look(|facts, _| facts.clone())) else { return };
        if matches!(running.job, JobState::Asked(_)) && !facts.log_order().is_empty() {
            // Its log is completed with the job, once that is there.
            return;
        }
        running.completing = true;
        let ending = Ending {
            job: running.job.ready().cloned(),
            publisher: std::mem::take(&mut running.publisher),
            store: self.store.clone(),
        };
        let told = self.internal.clone();
        self.tasks.spawn(async move {
            ending.complete(&facts).await;
            // A driver that is gone needs not be told.
            let _ = told.send(Internal::Completed(build));
        });
    }

    /// All that belongs to a build is complete.
    pub(super) async fn completed(&mut self, build: BuildId) -> Result<(), CoordinatorError> {
        let Some(running) = self.running.get_mut(&build) else { return Ok(()) };
        let Some(live) = running.live.clone() else { return Ok(()) };
        let (job, done) = (running.job.ready().cloned(), running.done.take());
        let facts = live.look(|facts, _| facts.clone());
        self.commit_finished(&facts).await?;
        live.finish();
        self.ended.push(build);
        self.tasks.spawn(report(job, facts, done));
        Ok(())
    }

    /// Forgets the builds that are over and hold nothing any more.
    pub(super) fn forget_ended(&mut self) {
        let (engine, running, live) = (&self.engine, &mut self.running, &self.live);
        self.ended.retain(|build| {
            let held = engine.facts(*build).is_some();
            if !held {
                running.remove(build);
                live.remove(*build);
            }
            held
        });
    }
}

/// What is left to be done for a build that ended.
struct Ending {
    job: Option<Arc<Job>>,
    publisher: Publisher,
    store: Store,
}

impl Ending {
    /// The log is whole, and what was observed is remembered.
    async fn complete(self, facts: &BuildFacts) {
        self.publisher.end().await;
        if let Err(error) = remember(&self.store, facts).await {
            let note = format!("durations of this build are not remembered: {error}");
            tracing::warn!(build = %facts.spec.build, "{note}");
            tell(self.job.as_deref(), BuildUpdate::Note(note)).await;
        }
        if let Some(job) = &self.job
            && let Err(error) = job.end_logs().await
        {
            tracing::warn!(build = %facts.spec.build, %error, "the end of the log of a build is missing");
        }
    }
}

/// Tells how a build ended, if somebody waits for that.
async fn report(job: Option<Arc<Job>>, facts: BuildFacts, done: Option<Waiter>) {
    if let (Some(done), Some((ended, outcome, _))) = (done, &facts.ended) {
        let report = match &job {
            Some(job) => report_of(&facts, *ended, outcome, &job.config.log, job.as_ref()).await,
            None => report_of(&facts, *ended, outcome, &LogFormat::default(), &NoExcerpts).await,
        };
        tell(job.as_deref(), BuildUpdate::Done(Box::new(report.clone()))).await;
        // Whoever waited may be gone.
        let _ = done.send(Ok(Finished { report, facts }));
    }
    if let Some(job) = &job {
        job.output.remove().await;
    }
}

async fn tell(job: Option<&Job>, update: BuildUpdate) {
    if let Some(job) = job {
        job.tell(update).await;
    }
}

/// Adds what was observed to the history: how long tests that passed kept their machine, and the lengths of the phases.
async fn remember(store: &Store, facts: &BuildFacts) -> Result<(), store::StoreError> {
    let observed = |duration: Duration, exact: bool, at: engine::Time| Observation {
        duration,
        exact,
        at: at.as_nanos() / 1_000_000_000,
        build: facts.spec.build,
    };
    let mut tests = Vec::new();
    let mut beside: BTreeMap<AttemptId, Duration> = BTreeMap::new();
    for test in &facts.tests {
        let Some(verdict) = test.verdict.as_ref().filter(|verdict| verdict.kind == VerdictKind::Passed) else {
            continue;
        };
        let ended = verdict.attempt.and_then(|id| Some((id, facts.attempts.get(&id)?.ended.as_ref()?)));
        if let (Some(duration), Some((id, ended))) = (verdict.duration, ended) {
            let beside = *beside.entry(id).or_insert_with(|| facts.beside(id));
            let observation = observed(duration + beside, true, ended.at);
            tests.push(TestObserved { test: test.test.name.clone(), observation });
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
    store.observe(&series(&facts.spec), &tests, &phases).await
}
