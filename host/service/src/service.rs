//! What all handlers share.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use coordinator::Coordinator;
use logs::LogStore;
use snapshot::blob::BlobStore;
use store::Store;
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::facts::Remembered;
use crate::identity::{Links, Names, Uses};
use crate::metrics::Metrics;
use crate::ports::Planner;
use crate::problem::{Kind, Problem};
use crate::settings::ServiceSettings;

/// What this process is to the builds of its store.
#[derive(Clone)]
pub enum Standing {
    /// It is not known yet: builds are being recovered.
    Starting,
    /// It drives them.
    Active(Arc<Coordinator>),
    /// Another does; this one shows what the store knows.
    Standby,
}

impl Standing {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            Standing::Starting => "starting",
            Standing::Active(_) => "active",
            Standing::Standby => "standby",
        }
    }
}

/// What a service is made of.
pub struct Parts {
    /// Builds, tokens, events.
    pub store: Store,
    /// Trees.
    pub blobs: BlobStore,
    /// Logs.
    pub logs: LogStore,
    /// Plans builds.
    pub planner: Arc<dyn Planner>,
    /// What can be set.
    pub settings: ServiceSettings,
    /// Where it listens.
    pub listen: SocketAddr,
}

/// The service.
pub struct Service {
    parts: Parts,
    names: Names,
    uses: Uses,
    links: Links,
    started_ms: u64,
    standing: RwLock<Standing>,
    streams: Arc<Semaphore>,
    remembered: Remembered,
    metrics: Metrics,
    stopping: CancellationToken,
    /// One request of a key at a time.
    keys: [Mutex<()>; KEY_LOCKS],
}

/// Keys whose requests wait for each other are those that share one of so many locks.
const KEY_LOCKS: usize = 64;

impl Service {
    /// A service that is still starting.
    pub fn new(parts: Parts) -> Arc<Service> {
        Arc::new(Service {
            names: Names::new(parts.listen, &parts.settings.names),
            uses: Uses::default(),
            links: Links::default(),
            started_ms: crate::view::unix_ms(coordinator::now()),
            standing: RwLock::new(Standing::Starting),
            streams: Arc::new(Semaphore::new(parts.settings.streams)),
            remembered: Remembered::default(),
            metrics: Metrics::new(),
            stopping: CancellationToken::new(),
            keys: std::array::from_fn(|_| Mutex::default()),
            parts,
        })
    }

    /// Says what this process is to the builds from now on. Of an active coordinator's builds the metrics are counted.
    pub fn stand(self: &Arc<Service>, standing: Standing) {
        if let Standing::Active(coordinator) = &standing {
            self.metrics.count(coordinator.subscribe(), self.stopping.clone());
        }
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// What this process is to the builds.
    pub fn standing(&self) -> Standing {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The coordinator, where this process drives builds.
    pub(crate) fn active(&self) -> Result<Arc<Coordinator>, Problem> {
        match self.standing() {
            Standing::Active(coordinator) => Ok(coordinator),
            Standing::Starting => Err(Problem::new(
                Kind::Unavailable,
                "the coordinator is starting: builds are being recovered",
                "try again in a moment; /readyz says when it is ready",
            )),
            Standing::Standby => Err(Problem::new(
                Kind::Standby,
                "another coordinator drives the builds of this store",
                "send this to the active one; it takes over here when that one stops",
            )),
        }
    }

    /// The coordinator, if this process drives builds.
    pub(crate) fn driven(&self) -> Option<Arc<Coordinator>> {
        match self.standing() {
            Standing::Active(coordinator) => Some(coordinator),
            Standing::Starting | Standing::Standby => None,
        }
    }

    /// Builds, tokens, events.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// Trees.
    pub fn blobs(&self) -> &BlobStore {
        &self.parts.blobs
    }

    /// Logs.
    pub fn logs(&self) -> &LogStore {
        &self.parts.logs
    }

    /// Plans builds.
    pub fn planner(&self) -> &dyn Planner {
        self.parts.planner.as_ref()
    }

    /// What can be set.
    pub fn settings(&self) -> &ServiceSettings {
        &self.parts.settings
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn uses(&self) -> &Uses {
        &self.uses
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.parts.listen.port()
    }

    /// When it was started, in milliseconds since 1970.
    pub(crate) fn started_ms(&self) -> u64 {
        self.started_ms
    }

    pub(crate) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Waits until no other request of this key is being answered.
    pub(crate) async fn key_turn(&self, key: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let shard = usize::try_from(hasher.finish() % KEY_LOCKS as u64).unwrap_or(0);
        self.keys[shard].lock().await
    }

    /// Cancelled when streams are to end because the server stops.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.settings().streams.saturating_sub(self.streams.available_permits())
    }

    /// A place among the streams that may be open at once; it is free again when dropped.
    pub(crate) fn stream_place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Problem::new(
                Kind::Busy,
                format!("{} streams are open, which is the most there may be", self.settings().streams),
                "close one, or read without following",
            )
        })
    }
}
