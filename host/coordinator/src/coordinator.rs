//! The coordinator as others hold it: builds are submitted, canceled and looked at through it.

use std::sync::Arc;
use std::time::Duration;

use engine::{BuildFacts, BuildId, BuildSpec, EngineConfig, Event};
use logs::LogStore;
use store::{Epoch, Request, Store};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::CoordinatorError;
use crate::driver::{Driver, Order, Waiter};
use crate::job::JobSetup;
use crate::live::{Committed, LiveBuild, LiveBuilds};
use crate::source::JobSource;
use crate::view::BuildReport;

/// Orders that may wait for the driver; beyond that, whoever gives one waits.
const ORDERS: usize = 1_024;

/// Records that a subscriber may be behind by; one that is further behind reads them from the store.
const BROADCAST: usize = 4_096;

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

/// What a coordinator works with.
pub struct Resources {
    /// Where records go.
    pub store: Store,
    /// The right to write them.
    pub epoch: Epoch,
    /// Where output is made durable as it comes; none keeps it while its build runs, and no longer.
    pub logs: Option<LogStore>,
    /// Makes the jobs of builds that come without one.
    pub jobs: Arc<dyn JobSource>,
}

/// A build that is wanted.
pub struct NewBuild {
    /// What the engine is told.
    pub spec: BuildSpec,
    /// What its job can be made from, also in a later life: kept with its first record.
    pub submission: String,
    /// The request that it answers, so that a repeated one finds it.
    pub request: Option<Request>,
    /// Its job, where that is there already.
    pub job: Option<JobSetup>,
}

/// A build that ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// As every report shows it.
    pub report: BuildReport,
    /// Its durable state.
    pub facts: BuildFacts,
}

/// Runs builds. It stops when this is dropped; machines go on with what they do.
pub struct Coordinator {
    orders: mpsc::Sender<Order>,
    live: LiveBuilds,
    committed: broadcast::Sender<Arc<Committed>>,
    _driver: AbortOnDropHandle<()>,
}

impl Coordinator {
    /// A coordinator that goes on with the unfinished builds of its epoch's scope.
    ///
    /// # Errors
    /// The store cannot be read, or holds records that this version does not understand.
    pub async fn start(config: CoordinatorConfig, resources: Resources) -> Result<Coordinator, CoordinatorError> {
        let (orders, received) = mpsc::channel(ORDERS);
        let (committed, _) = broadcast::channel(BROADCAST);
        let live = LiveBuilds::default();
        let (driver, effects) = Driver::recover(config, resources, live.clone(), committed.clone()).await?;
        let handle = AbortOnDropHandle::new(tokio::spawn(driver.run(effects, received)));
        Ok(Coordinator { orders, live, committed, _driver: handle })
    }

    /// Submits a build. It is durable when this returns.
    ///
    /// # Errors
    /// If the coordinator cannot go on.
    pub async fn submit(&self, build: NewBuild) -> Result<(), CoordinatorError> {
        self.submit_for(build, None).await
    }

    /// Submits a build and waits for its end.
    ///
    /// # Errors
    /// If it cannot be begun, or the coordinator cannot go on.
    pub async fn run(&self, build: NewBuild) -> Result<Finished, CoordinatorError> {
        let (done, finished) = oneshot::channel();
        self.submit_for(build, Some(done)).await?;
        finished.await.unwrap_or(Err(CoordinatorError::Stopped))
    }

    async fn submit_for(&self, build: NewBuild, done: Option<Waiter>) -> Result<(), CoordinatorError> {
        let (told, durable) = oneshot::channel();
        self.order(Order::Submit { build: Box::new(build), durable: told, done }).await?;
        durable.await.unwrap_or(Err(CoordinatorError::Stopped))
    }

    /// Stops a build.
    pub async fn cancel(&self, build: BuildId, cause: &str) {
        let event = Event::BuildCanceled { build, cause: cause.to_owned() };
        // A coordinator that has stopped has no builds.
        let _ = self.order(Order::Event(event)).await;
    }

    /// The builds that are not over, oldest first.
    #[must_use]
    pub fn builds(&self) -> Vec<(BuildId, Arc<LiveBuild>)> {
        self.live.all()
    }

    /// A build that is not over.
    #[must_use]
    pub fn build(&self, build: BuildId) -> Option<Arc<LiveBuild>> {
        self.live.get(build)
    }

    /// Each record from now on, once it is durable.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.committed.subscribe()
    }

    /// Begins no build that waits any more, and returns when those that run are over.
    pub async fn drain(&self) {
        let mut committed = self.subscribe();
        let (told, held) = oneshot::channel();
        if self.order(Order::Hold(told)).await.is_err() || held.await.is_err() {
            return;
        }
        let runs =
            |live: &LiveBuild| live.look(|facts, _| facts.phase() != engine::Phase::Queue && facts.ended.is_none());
        while self.live.all().iter().any(|(_, live)| runs(live)) {
            // One that was missed is made up for by the next.
            if let Err(broadcast::error::RecvError::Closed) = committed.recv().await {
                return;
            }
        }
    }

    /// Stops: what was said is made durable, nothing new begins, and machines go on with what they do.
    pub async fn stop(&self) {
        let (stopped, wait) = oneshot::channel();
        if self.order(Order::Stop(stopped)).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// Returns when the coordinator can no longer write: another is active, or its store is lost.
    pub async fn stopped(&self) {
        self.orders.closed().await;
    }

    async fn order(&self, order: Order) -> Result<(), CoordinatorError> {
        self.orders.send(order).await.map_err(|_| CoordinatorError::Stopped)
    }
}
