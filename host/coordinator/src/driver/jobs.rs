//! Jobs: made when the first thing is to be done for a build.

use std::sync::Arc;

use engine::{Answer, BuildId, Event, ExecFailure, ExecFailureKind, OpId, Task};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::commit::header;
use super::{Driver, Internal, Running, Waiter};
use crate::CoordinatorError;
use crate::coordinator::NewBuild;
use crate::effects::save::compression_of;
use crate::effects::{Context, perform};
use crate::error::chain;
use crate::job::{Job, JobSetup};

/// What there is of a build's job.
pub(super) enum JobState {
    /// Nothing has been done for the build yet.
    None,
    /// It is being made; this waits for it.
    Asked(Vec<(OpId, Task)>),
    /// It is there.
    Ready(Arc<Job>),
    /// It cannot be had.
    Failed(ExecFailure),
}

impl JobState {
    pub(super) fn ready(&self) -> Option<&Arc<Job>> {
        match self {
            JobState::Ready(job) => Some(job),
            JobState::None | JobState::Asked(_) | JobState::Failed(_) => None,
        }
    }
}

impl Driver {
    /// Takes in a build; an event for the engine, unless no store can hold it or its job cannot be made. That is told to
    /// whoever submitted it, and touches no other build.
    pub(super) fn submitted(
        &mut self,
        build: NewBuild,
        durable: oneshot::Sender<Result<(), CoordinatorError>>,
        done: Option<Waiter>,
    ) -> Option<Event> {
        let NewBuild { spec, submission, request, job } = build;
        if let Err(error) = header(&spec, &submission, self.clock.now()).check() {
            // Whoever submitted it may be gone.
            let _ = durable.send(Err(CoordinatorError::Commit(error)));
            return None;
        }
        let mut running = Running::new(spec.clone(), submission);
        if let Some(setup) = job {
            match self.job(spec.clone(), setup) {
                Ok(job) => {
                    let job = Arc::new(job);
                    running.publisher.start(&job);
                    running.job = JobState::Ready(job);
                }
                Err(error) => {
                    // Whoever submitted it may be gone.
                    let _ = durable.send(Err(error));
                    return None;
                }
            }
        }
        running.request = request;
        running.durable = Some(durable);
        running.done = done;
        self.running.insert(spec.build, running);
        Some(Event::BuildSubmitted(Box::new(spec)))
    }

    fn job(&self, spec: engine::BuildSpec, setup: JobSetup) -> Result<Job, CoordinatorError> {
        Job::new(spec, setup, self.store.clone(), self.logs.clone())
    }

    /// Keeps a task until the build's job is there, and has that made.
    pub(super) fn prepare(&mut self, build: BuildId, op: OpId, task: Task) {
        let Some(running) = self.running.get_mut(&build) else { return };
        match &mut running.job {
            JobState::Asked(waiting) => waiting.push((op, task)),
            JobState::Failed(failure) => {
                let (inbox, answer) = (self.inbox.clone(), Answer::failure_of(&task, failure.clone()));
                self.tasks.spawn(async move { inbox.send(Event::Answered { op, answer }).await });
            }
            JobState::None | JobState::Ready(_) => {
                running.job = JobState::Asked(vec![(op, task)]);
                self.ask_for_job(build);
            }
        }
    }

    /// Has the job of a build made.
    pub(super) fn ask_for_job(&mut self, build: BuildId) {
        let Some(running) = self.running.get_mut(&build) else { return };
        let (spec, submission) = (running.spec.clone(), running.submission.clone());
        let (jobs, told) = (Arc::clone(&self.jobs), self.internal.clone());
        let (store, logs) = (self.store.clone(), self.logs.clone());
        self.tasks.spawn(async move {
            let job = match jobs.job(&spec, &submission).await {
                Ok(setup) => Job::new(spec, setup, store, logs)
                    .map_err(|error| ExecFailure::new(ExecFailureKind::Other, chain(&error))),
                Err(failure) => Err(failure),
            };
            // A driver that is gone needs none.
            let _ = told.send(Internal::Prepared(build, job.map(Box::new)));
        });
    }

    /// A job is there, or cannot be had: what waited for it goes on.
    pub(super) fn job_prepared(&mut self, build: BuildId, job: Result<Box<Job>, ExecFailure>) {
        let Some(running) = self.running.get_mut(&build) else { return };
        let JobState::Asked(waiting) = std::mem::replace(&mut running.job, JobState::None) else { return };
        match job {
            Ok(job) => {
                let job: Arc<Job> = Arc::from(job);
                if let Some(live) = &running.live {
                    live.look(|facts, _| job.know(facts));
                }
                running.publisher.start(&job);
                running.job = JobState::Ready(Arc::clone(&job));
                for (op, task) in waiting {
                    let cancel = self.under_way.get(&op).cloned().unwrap_or_default();
                    self.spawn(Arc::clone(&job), op, task, cancel);
                }
            }
            Err(failure) => {
                running.job = JobState::Failed(failure);
                for (op, task) in waiting {
                    self.prepare(build, op, task);
                }
            }
        }
        if self.running.get(&build).is_some_and(Running::has_ended) {
            self.finish(build);
        }
    }

    pub(super) fn spawn(&mut self, job: Arc<Job>, op: OpId, task: Task, cancel: CancellationToken) {
        if let Task::SaveSnapshot { lease } = task
            && let Ok(main) = job.leases.get(lease)
        {
            // Helpers whose set-up is ordered right after this get the tree from here.
            job.feed.open(lease, compression_of(&job, &main));
        }
        if let Task::SetUp { lease } = task {
            job.feed.promise(lease);
        }
        let context = Context { job, cancel, inbox: self.inbox.clone() };
        self.tasks.spawn(perform(context, op, task));
    }
}
