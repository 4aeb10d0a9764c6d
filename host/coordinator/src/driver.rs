//! The driver: one task that owns the engine. It takes all ready events, steps each, commits all their records in one
//! transaction, and only then has the other effects carried out.

mod clock;
mod commit;
mod finish;
mod give_up;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{BuildFacts, BuildId, Effect, Engine, EngineConfig, Event, Fact, OpId, Record, Task};
use store::{Epoch, Store};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::effects::estimate::first_phases;
use crate::effects::save::compression_of;
use crate::effects::{Context, perform};
use crate::job::{Job, JobSetup};
use crate::ordered::OrderedLog;
use crate::tell::Teller;
use crate::view::{BuildReport, BuildUpdate};
use crate::{CoordinatorError, driver::clock::Clock};

/// Events that may wait for the driver; beyond that, whoever sends one waits.
const INBOX: usize = 4_096;

/// Events that are taken before the records are committed.
const BATCH: usize = 1_024;

/// What a coordinator is set to.
#[derive(Clone, Debug)]
pub struct CoordinatorConfig {
    /// Of the engine.
    pub engine: EngineConfig,
    /// How long a store that fails is asked again before the coordinator gives up.
    pub store_patience: Duration,
}

impl Default for CoordinatorConfig {
    fn default() -> CoordinatorConfig {
        CoordinatorConfig { engine: EngineConfig::default(), store_patience: Duration::from_secs(30) }
    }
}

/// A build that ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// As every report shows it.
    pub report: BuildReport,
    /// Its durable state.
    pub facts: BuildFacts,
}

/// Runs builds. It stops when this is dropped.
pub struct Coordinator {
    requests: mpsc::Sender<Request>,
    _driver: AbortOnDropHandle<()>,
}

enum Request {
    Submit(Box<Job>, oneshot::Sender<Result<Finished, CoordinatorError>>),
    Event(Event),
}

impl Coordinator {
    /// A coordinator that commits to this store, under this right to write.
    #[must_use]
    pub fn start(config: CoordinatorConfig, store: Store, epoch: Epoch) -> Coordinator {
        let (requests, received) = mpsc::channel(INBOX);
        let driver = Driver::new(config, store, epoch);
        let handle = tokio::spawn(driver.run(received));
        Coordinator { requests, _driver: AbortOnDropHandle::new(handle) }
    }

    /// Submits a build; what is returned waits for its end.
    ///
    /// # Errors
    /// If the build cannot be begun, or the coordinator cannot go on.
    pub async fn submit(
        &self,
        setup: JobSetup,
        store: &Store,
    ) -> Result<impl Future<Output = Result<Finished, CoordinatorError>> + use<>, CoordinatorError> {
        let mut job = Job::new(setup, store.clone())?;
        job.spec.phases = first_phases(&job).await;
        let (done, finished) = oneshot::channel();
        let request = Request::Submit(Box::new(job), done);
        self.requests.send(request).await.map_err(|_| CoordinatorError::Stopped)?;
        Ok(async move { finished.await.unwrap_or(Err(CoordinatorError::Stopped)) })
    }

    /// Stops a build.
    pub async fn cancel(&self, build: BuildId, cause: &str) {
        let event = Event::BuildCanceled { build, cause: cause.to_owned() };
        // A coordinator that has stopped has no builds.
        let _ = self.requests.send(Request::Event(event)).await;
    }
}

struct Driver {
    engine: Engine,
    clock: Clock,
    store: Store,
    epoch: Epoch,
    patience: Duration,
    inbox: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    running: BTreeMap<BuildId, Running>,
    under_way: BTreeMap<OpId, CancellationToken>,
    tasks: TaskTracker,
}

/// A build, as the driver knows it.
struct Running {
    job: Arc<Job>,
    /// The fold of what was committed.
    facts: Option<BuildFacts>,
    seq: u64,
    teller: Teller,
    log: OrderedLog,
    done: Option<oneshot::Sender<Result<Finished, CoordinatorError>>>,
}

impl Driver {
    fn new(config: CoordinatorConfig, store: Store, epoch: Epoch) -> Driver {
        let (inbox, events) = mpsc::channel(INBOX);
        Driver {
            engine: Engine::new(config.engine),
            clock: Clock::new(),
            store,
            epoch,
            patience: config.store_patience,
            inbox,
            events,
            running: BTreeMap::new(),
            under_way: BTreeMap::new(),
            tasks: TaskTracker::new(),
        }
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let deadline = self.clock.instant_of(self.engine.next_deadline());
            tokio::select! {
                biased;
                _ = self.events.recv_many(&mut batch, BATCH) => {}
                request = requests.recv() => match request {
                    Some(Request::Submit(job, done)) => batch.push(self.submitted(*job, done)),
                    Some(Request::Event(event)) => batch.push(event),
                    None => return,
                },
                () = tokio::time::sleep_until(deadline) => batch.push(Event::Tick),
            }
            if let Err(error) = self.take(std::mem::take(&mut batch)).await {
                self.give_up(error).await;
                return;
            }
        }
    }

    fn submitted(&mut self, job: Job, done: oneshot::Sender<Result<Finished, CoordinatorError>>) -> Event {
        let spec = Box::new(job.spec.clone());
        let (teller, log) = (Teller::default(), OrderedLog::default());
        let running = Running { job: Arc::new(job), facts: None, seq: 0, teller, log, done: Some(done) };
        self.running.insert(spec.build, running);
        Event::BuildSubmitted(spec)
    }

    async fn take(&mut self, events: Vec<Event>) -> Result<(), CoordinatorError> {
        let mut effects = Vec::new();
        for event in events {
            if let Event::Answered { op, .. } = &event {
                self.under_way.remove(op);
            }
            effects.extend(self.engine.step(self.clock.now(), event));
        }
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
                Effect::Do { op, build, task } => self.carry_out(op, build, task),
                Effect::Cancel(op) => {
                    if let Some(token) = self.under_way.get(&op) {
                        token.cancel();
                    }
                }
                Effect::Publish { build, attempt } => self.publish(build, attempt).await,
            }
        }
        Ok(())
    }

    /// A fact is durable: tell of it.
    async fn recorded(&mut self, record: Record) {
        let Some(running) = self.running.get_mut(&record.build) else { return };
        match (&mut running.facts, &record.fact) {
            (Some(facts), fact) => facts.apply(record.at, fact),
            (facts @ None, Fact::Submitted(spec)) => *facts = Some(BuildFacts::new(spec.as_ref().clone(), record.at)),
            (None, _) => return,
        }
        let Some(facts) = &running.facts else { return };
        let updates = running.teller.tell(&running.job, facts, &record);
        for update in updates {
            running.job.tell(update).await;
        }
        if matches!(record.fact, Fact::Ended { .. }) {
            self.finish(record.build);
        }
    }

    fn carry_out(&mut self, op: OpId, build: BuildId, task: Task) {
        let Some(running) = self.running.get(&build) else { return };
        if let Task::SaveSnapshot { lease } = task
            && let Ok(main) = running.job.leases.get(lease)
        {
            // Helpers whose set-up is ordered right after this get the tree from here.
            running.job.feed.open(lease, compression_of(&running.job, &main));
        }
        if let Task::SetUp { lease } = task {
            running.job.feed.promise(lease);
        }
        let cancel = CancellationToken::new();
        self.under_way.insert(op, cancel.clone());
        let context = Context { job: Arc::clone(&running.job), cancel, inbox: self.inbox.clone() };
        self.tasks.spawn(perform(context, op, task));
    }

    async fn publish(&mut self, build: BuildId, attempt: engine::AttemptId) {
        let Some(running) = self.running.get_mut(&build) else { return };
        let pieces = match running.job.output.read(attempt).await {
            Ok(pieces) => pieces,
            Err(error) => {
                let note = format!("the output of attempt {attempt} cannot be read back: {error}");
                running.job.tell(BuildUpdate::Note(note)).await;
                return;
            }
        };
        for piece in pieces {
            if let Some(bytes) = running.log.add(piece) {
                running.job.tell(BuildUpdate::OrderedOutput(bytes)).await;
            }
        }
    }
}
