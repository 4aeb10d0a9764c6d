//! The driver: one task that owns the engine. It takes all ready events, steps each, commits all their records in one
//! transaction, and only then has the other effects carried out.

mod commit;
mod finish;
mod give_up;
mod jobs;
mod publish;
mod recover;
mod restarts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{BuildFacts, BuildId, BuildSpec, Effect, Engine, Event, ExecFailure, Fact, OpId, Record, Task};
use logs::LogStore;
use store::{Epoch, Request, Store};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::CoordinatorError;
use crate::clock::Clock;
use crate::coordinator::{Finished, NewBuild};
use crate::driver::jobs::JobState;
use crate::driver::publish::Publisher;
use crate::inbox::{Arrived, Inbox};
use crate::job::Job;
use crate::live::{Committed, LiveBuild, LiveBuilds};
use crate::source::JobSource;
use crate::tell::Teller;

/// Events that are taken before the records are committed.
const BATCH: usize = 1_024;

/// What the driver is told from outside.
pub(crate) enum Order {
    /// A build is wanted.
    Submit {
        build: Box<NewBuild>,
        /// Told once it is durable.
        durable: oneshot::Sender<Result<(), CoordinatorError>>,
        /// Who waits for its end.
        done: Option<Waiter>,
    },
    /// Something for the engine.
    Event(Event),
    /// No build that waits is to begin; told when none will.
    Hold(oneshot::Sender<()>),
    /// This life is over.
    Stop(oneshot::Sender<()>),
}

/// What tasks of the driver's own tell it, beside answers to effects. Each build has at most two of these.
enum Internal {
    /// A job was made, or cannot be.
    Prepared(BuildId, Result<Box<Job>, ExecFailure>),
    /// All that belongs to a build that ended is complete.
    Completed(BuildId),
}

/// Who waits for the end of a build.
pub(crate) type Waiter = oneshot::Sender<Result<Finished, CoordinatorError>>;

pub(crate) struct Driver {
    engine: Engine,
    clock: Clock,
    store: Store,
    epoch: Epoch,
    logs: Option<LogStore>,
    jobs: Arc<dyn JobSource>,
    patience: Duration,
    inbox: Inbox,
    events: mpsc::Receiver<Arrived>,
    internal: mpsc::UnboundedSender<Internal>,
    told: mpsc::UnboundedReceiver<Internal>,
    running: BTreeMap<BuildId, Running>,
    under_way: BTreeMap<OpId, CancellationToken>,
    /// Builds that are over and may still hold machines.
    ended: Vec<BuildId>,
    live: LiveBuilds,
    committed: broadcast::Sender<Arc<Committed>>,
    tasks: TaskTracker,
}

/// A build, as the driver knows it.
struct Running {
    spec: BuildSpec,
    submission: String,
    request: Option<Request>,
    job: JobState,
    /// The fold of what was committed; none before the first record.
    live: Option<Arc<LiveBuild>>,
    /// The number of its last record.
    seq: u64,
    /// The number of the last one that was told.
    told: u64,
    teller: Teller,
    publisher: Publisher,
    durable: Option<oneshot::Sender<Result<(), CoordinatorError>>>,
    done: Option<Waiter>,
    /// It has ended, and all that belongs to it is being completed, or is.
    completing: bool,
}

impl Running {
    fn new(spec: BuildSpec, submission: String) -> Running {
        Running {
            spec,
            submission,
            request: None,
            job: JobState::None,
            live: None,
            seq: 0,
            told: 0,
            teller: Teller::default(),
            publisher: Publisher::default(),
            durable: None,
            done: None,
            completing: false,
        }
    }

    /// Its end is recorded.
    fn has_ended(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.look(|facts, _| facts.ended.is_some()))
    }
}

impl Driver {
    pub(crate) async fn run(mut self, effects: Vec<Effect>, mut orders: mpsc::Receiver<Order>) {
        let mut batch = Vec::with_capacity(BATCH);
        self.complete_ended();
        let mut taken = self.perform(effects).await;
        loop {
            if let Err(error) = taken {
                self.give_up(error).await;
                return;
            }
            let deadline = self.clock.instant_of(self.engine.next_deadline());
            let mut completed = Ok(());
            tokio::select! {
                biased;
                _ = self.events.recv_many(&mut batch, BATCH) => {}
                Some(told) = self.told.recv() => match told {
                    Internal::Prepared(build, job) => self.job_prepared(build, job),
                    Internal::Completed(build) => completed = self.completed(build).await,
                },
                order = orders.recv() => match order {
                    Some(Order::Submit { build, durable, done }) => {
                        let event = self.submitted(*build, durable, done);
                        batch.extend(self.arrived(event));
                    }
                    Some(Order::Hold(held)) => {
                        self.engine.hold();
                        // Whoever asked may be gone.
                        let _ = held.send(());
                    }
                    Some(Order::Event(event)) => batch.extend(self.arrived(Some(event))),
                    Some(Order::Stop(stopped)) => {
                        self.stop().await;
                        // Whoever asked may be gone.
                        let _ = stopped.send(());
                        return;
                    }
                    None => return,
                },
                () = tokio::time::sleep_until(deadline) => batch.extend(self.arrived(Some(Event::Tick))),
            }
            taken = match completed {
                Ok(()) => self.take(std::mem::take(&mut batch)).await,
                Err(error) => Err(error),
            };
        }
    }

    fn arrived(&self, event: Option<Event>) -> Option<Arrived> {
        event.map(|event| Arrived { at: self.clock.now(), event })
    }

    async fn take(&mut self, events: Vec<Arrived>) -> Result<(), CoordinatorError> {
        let mut effects = Vec::new();
        for Arrived { at, event } in events {
            if let Event::Answered { op, .. } = &event {
                self.under_way.remove(op);
            }
            effects.extend(self.engine.step(at, event));
        }
        self.perform(effects).await
    }

    /// Commits what is to be durable, then does the rest.
    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), CoordinatorError> {
        let records: Vec<Record> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Record(record) => Some(record.as_ref().clone()),
                Effect::Do { .. } | Effect::Cancel(_) | Effect::Publish { .. } => None,
            })
            .collect();
        if let Err(error) = self.commit(&records).await {
            self.listed_in_vain(&records);
            return Err(error);
        }
        for effect in effects {
            match effect {
                Effect::Record(record) => self.recorded(*record).await,
                Effect::Do { op, build, task } => {
                    self.engine.begun(op, self.clock.now());
                    self.carry_out(op, build, task);
                }
                Effect::Cancel(op) => {
                    if let Some(token) = self.under_way.get(&op) {
                        token.cancel();
                    }
                }
                Effect::Publish { build, attempt } => {
                    if let Some(running) = self.running.get(&build) {
                        running.publisher.publish(attempt);
                    }
                }
            }
        }
        self.forget_ended();
        Ok(())
    }

    /// A fact is durable: tell of it.
    async fn recorded(&mut self, record: Record) {
        let Some(running) = self.running.get_mut(&record.build) else { return };
        running.told += 1;
        let seq = running.told;
        match (&running.live, &record.fact) {
            (Some(live), fact) => live.change(seq, |facts| facts.apply(record.at, fact)),
            (None, Fact::Submitted(spec)) => {
                let live = Arc::new(LiveBuild::new(BuildFacts::new(spec.as_ref().clone(), record.at), seq));
                self.live.insert(record.build, Arc::clone(&live));
                running.live = Some(live);
                if let Some(durable) = running.durable.take() {
                    // Whoever submitted it may be gone.
                    let _ = durable.send(Ok(()));
                }
            }
            (None, _) => return,
        }
        let Some(live) = &running.live else { return };
        for (number, text) in live.look(|facts, _| restarts::to_be_told(facts, &record.fact)) {
            running.publisher.restarted(number, text);
        }
        let job = running.job.ready();
        let updates = live.look(|facts, _| running.teller.tell(job.map(Arc::as_ref), facts, &record));
        if let Some(job) = job {
            after_commit(job, live, &record.fact);
            for update in updates {
                job.tell(update).await;
            }
        }
        let ended = matches!(record.fact, Fact::Ended { .. });
        let build = record.build;
        // Nobody listening is no failure.
        let _ = self.committed.send(Arc::new(Committed { build, seq, record }));
        if ended {
            self.finish(build);
        }
    }

    fn carry_out(&mut self, op: OpId, build: BuildId, task: Task) {
        let Some(running) = self.running.get(&build) else { return };
        let cancel = CancellationToken::new();
        self.under_way.insert(op, cancel.clone());
        if let JobState::Ready(job) = &running.job {
            let job = Arc::clone(job);
            self.spawn(job, op, task, cancel);
        } else {
            self.prepare(build, op, task);
        }
    }

    /// Ends what was begun in this life; what runs on machines goes on.
    async fn stop(&mut self) {
        for running in std::mem::take(&mut self.running).into_values() {
            running.publisher.end().await;
            if let JobState::Ready(job) = &running.job {
                job.stop().await;
            }
        }
    }
}

/// What the end of an attempt leaves on its machine goes once it is durable, and not before: until then it could be
/// asked for again.
fn after_commit(job: &Arc<Job>, live: &LiveBuild, fact: &Fact) {
    let Fact::AttemptEnded { attempt, end: Ok(_), .. } = fact else { return };
    let lease = live.look(|facts, _| facts.attempts.get(attempt).map(|attempt| attempt.lease));
    let Some(leased) = lease.and_then(|lease| job.leases.get(lease).ok()) else { return };
    let (build, attempt) = (job.build(), *attempt);
    tokio::spawn(async move { crate::effects::forget_attempt(build, &leased, attempt).await });
}
