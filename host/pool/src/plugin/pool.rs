//! The pool over a source of machines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use async_trait::async_trait;
use engine::{LeaseId, Machine};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::machine::{destroy, spec, wait_until_ready};
use super::settings::COORDINATOR;
use super::{MachineSource, MachineSpec, PluginSettings};
use crate::connect::{LeaseNumbers, machine_of};
use crate::{Capacity, Condition, Granted, LeaseRequest, Orphan, Pool, PoolError, Refusal};

/// Machines made on demand by a source, one for each lease, and destroyed with it.
pub struct PluginPool {
    shared: Arc<Shared>,
}

struct Shared {
    source: Arc<dyn MachineSource>,
    settings: PluginSettings,
    state: Mutex<State>,
    /// Counts up whenever a machine was destroyed.
    changed: watch::Sender<u64>,
    numbers: LeaseNumbers,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    /// Leases that wait, hold a machine, or whose machine is being destroyed, with the host type.
    machines: BTreeMap<LeaseId, String>,
    /// Names of machines that exist or may.
    names: BTreeSet<String>,
    granted: BTreeMap<LeaseId, Leased>,
}

/// A machine under a lease.
struct Leased {
    name: String,
    handle: String,
    place: Place,
}

impl State {
    /// All our machines, those that are being made or destroyed included.
    fn all(&self) -> u32 {
        u32::try_from(self.machines.len()).unwrap_or(u32::MAX)
    }

    /// Our machines of this type, those that are being made or destroyed included.
    fn count(&self, host_type: &str) -> u32 {
        let count = self.machines.values().filter(|of| *of == host_type).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

impl PluginPool {
    /// A pool over this source.
    #[must_use]
    pub fn new(source: Arc<dyn MachineSource>, settings: PluginSettings) -> PluginPool {
        PluginPool {
            shared: Arc::new(Shared {
                source,
                settings,
                state: Mutex::default(),
                changed: watch::Sender::new(0),
                numbers: LeaseNumbers::default(),
                stopped: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// Waits until the source has room for one more of our machines.
    async fn place(&self, request: &LeaseRequest) -> Result<Place, PoolError> {
        let shared = &self.shared;
        let mut changed = shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let capacity = shared.source.capacity(&request.host_type).await.map_err(|source| PoolError::Source {
                call: "count",
                pool: shared.settings.name.clone(),
                source,
            })?;
            if let Some(place) = shared.take_place(request, capacity)? {
                return Ok(place);
            }
            // Others may give room without our seeing it.
            let woken = async { changed.changed().await.is_ok() };
            drop(tokio::time::timeout(shared.settings.longest_look, woken).await);
        }
    }

    async fn grant(&self, request: &LeaseRequest) -> Result<Granted, PoolError> {
        let place = self.place(request).await?;
        let mut unwanted = ReleaseUnlessWanted { shared: &self.shared, lease: request.lease, wanted: false };
        let (reply, making) = oneshot::channel();
        self.shared.tasks.spawn(Arc::clone(&self.shared).make_and_tell(request.clone(), place, reply));
        let granted = making.await.map_err(|_| PoolError::ShutDown)??;
        unwanted.wanted = true;
        Ok(granted)
    }
}

#[async_trait]
impl Pool for PluginPool {
    async fn acquire(&self, request: LeaseRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        self.can_build(&request.host_type)
            .await
            .map_err(|refusal| PoolError::CannotBuild { host_type: request.host_type.clone(), refusal })?;
        tokio::select! {
            biased;
            () = self.shared.stopped.cancelled() => Err(PoolError::ShutDown),
            () = cancel.cancelled() => Err(PoolError::Canceled),
            granted = self.grant(&request) => granted,
        }
    }

    async fn release(&self, lease: LeaseId, _condition: Condition) {
        self.shared.release(lease);
    }

    async fn can_build(&self, host_type: &str) -> Result<(), Refusal> {
        let shared = &self.shared;
        let known = &shared.settings.host_types;
        if !known.is_empty() && !known.iter().any(|known| known == host_type) {
            return Err(Refusal(format!("it is configured for {}", known.join(", "))));
        }
        match shared.source.can_build(host_type).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal("it does not make such machines".to_owned())),
            Err(error) if error.retryable => Err(Refusal(format!("it cannot tell: {error}"))),
            Err(error) => Err(Refusal(error.to_string())),
        }
    }

    async fn capacity(&self, host_type: &str) -> Capacity {
        let shared = &self.shared;
        let capacity = shared.source.capacity(host_type).await.unwrap_or_else(|error| {
            tracing::warn!(pool = shared.settings.name, %error, "the pool cannot tell its capacity");
            Capacity { total: None, used: shared.state().count(host_type), elastic: true }
        });
        let most = shared.settings.most;
        Capacity { total: capacity.total.into_iter().chain(most).min(), ..capacity }
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError> {
        let shared = &self.shared;
        let labels = [(COORDINATOR.to_owned(), shared.settings.coordinator.clone())];
        let found = shared.source.list(&labels).await.map_err(|source| shared.failed("list", source))?;
        let state = shared.state();
        let orphans = found.into_iter().filter(|machine| !state.names.contains(&machine.name)).map(|machine| Orphan {
            handle: machine.handle,
            name: machine.name,
            pool: shared.settings.name.clone(),
            created: machine.created,
        });
        Ok(orphans.collect())
    }

    async fn destroy_orphan(&self, orphan: &Orphan) -> Result<(), PoolError> {
        let shared = &self.shared;
        destroy(shared.source.as_ref(), &shared.settings, &orphan.handle)
            .await
            .map_err(|source| shared.failed("destroy", source))
    }

    async fn shutdown(&self) {
        self.shared.stopped.cancel();
        let leases: Vec<LeaseId> = self.shared.state().granted.keys().copied().collect();
        for lease in leases {
            self.shared.release(lease);
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    fn failed(&self, call: &'static str, source: super::SourceError) -> PoolError {
        PoolError::Source { call, pool: self.settings.name.clone(), source }
    }

    /// Takes room for one more, if there is any: what the source counts may lag behind what we asked of it.
    fn take_place(self: &Arc<Self>, request: &LeaseRequest, capacity: Capacity) -> Result<Option<Place>, PoolError> {
        let mut state = self.state();
        if state.machines.contains_key(&request.lease) {
            return Err(PoolError::LeaseInUse(request.lease));
        }
        let is_full = capacity.total.is_some_and(|total| capacity.used.max(state.count(&request.host_type)) >= total);
        if is_full || self.settings.most.is_some_and(|most| state.all() >= most) {
            return Ok(None);
        }
        state.machines.insert(request.lease, request.host_type.clone());
        Ok(Some(Place { shared: Arc::downgrade(self), lease: request.lease }))
    }

    /// Makes a machine. When nobody waits for it any more, it is destroyed: only here is its handle known.
    async fn make_and_tell(
        self: Arc<Self>,
        request: LeaseRequest,
        place: Place,
        mut reply: oneshot::Sender<Result<Granted, PoolError>>,
    ) {
        let spec = spec(&self.settings, &request);
        self.state().names.insert(spec.name.clone());
        match self.make(&request, place, &spec, &mut reply).await {
            Ok(granted) => {
                if reply.send(Ok(granted)).is_err() || self.stopped.is_cancelled() {
                    self.release(request.lease);
                }
            }
            Err(error) => {
                self.state().names.remove(&spec.name);
                drop(reply.send(Err(error)));
            }
        }
    }

    async fn make(
        &self,
        request: &LeaseRequest,
        place: Place,
        spec: &MachineSpec,
        reply: &mut oneshot::Sender<Result<Granted, PoolError>>,
    ) -> Result<Granted, PoolError> {
        let source = self.source.as_ref();
        let handle = source.create(spec).await.map_err(|source| self.failed("create", source))?;
        let ready = tokio::select! {
            biased;
            () = reply.closed() => Err(PoolError::Canceled),
            ready = wait_until_ready(source, &self.settings, &self.numbers, spec, &handle) => ready,
        };
        let client = match ready {
            Ok(client) => client,
            Err(error) => {
                self.destroy(&spec.name, &handle).await;
                return Err(error);
            }
        };
        let machine = Machine {
            name: spec.name.clone(),
            host_type: request.host_type.clone(),
            machine: machine_of(&client),
            pool: self.settings.name.clone(),
        };
        self.state().granted.insert(request.lease, Leased { name: spec.name.clone(), handle, place });
        Ok(Granted { lease: request.lease, machine, client, local: None, notes: Vec::new() })
    }

    fn release(self: &Arc<Self>, lease: LeaseId) {
        let Some(leased) = self.state().granted.remove(&lease) else { return };
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            shared.destroy(&leased.name, &leased.handle).await;
            shared.state().names.remove(&leased.name);
            drop(leased.place);
        });
    }

    async fn destroy(&self, name: &str, handle: &str) {
        if let Err(error) = destroy(self.source.as_ref(), &self.settings, handle).await {
            tracing::warn!(pool = self.settings.name, machine = name, %error, "a machine could not be destroyed");
        }
    }
}

/// Ends a lease that was granted to a request which is no more.
struct ReleaseUnlessWanted<'a> {
    shared: &'a Arc<Shared>,
    lease: LeaseId,
    wanted: bool,
}

impl Drop for ReleaseUnlessWanted<'_> {
    fn drop(&mut self) {
        if !self.wanted {
            self.shared.release(self.lease);
        }
    }
}

/// Room for one machine, until it is destroyed.
struct Place {
    /// Weak, because the pool holds it, too.
    shared: Weak<Shared>,
    lease: LeaseId,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.state().machines.remove(&self.lease);
            shared.changed.send_modify(|count| *count += 1);
        }
    }
}
