//! What the requests of a pool over a source share: its machines, how they are made, and how they go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use buildlet::protocol::Lease;
use engine::{BuildId, LeaseId, Machine};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::machine::{Numbered, Wanted, destroy, spec, wait_until_ready};
use super::{MachineSource, MachineSpec, PluginSettings};
use crate::connect::{LeaseNumbers, machine_of};
use crate::ledger::Book;
use crate::{Capacity, Granted, LeaseRequest, PoolError};

pub(super) struct Shared {
    pub(super) source: Arc<dyn MachineSource>,
    pub(super) settings: PluginSettings,
    pub(super) state: Mutex<State>,
    /// Counts up whenever a machine was destroyed.
    pub(super) changed: watch::Sender<u64>,
    pub(super) numbers: LeaseNumbers,
    /// Leases are written here for the next life.
    pub(super) book: Book<HeldMachine>,
    /// No more requests.
    pub(super) stopped: CancellationToken,
    /// No lease goes on either.
    pub(super) ended: CancellationToken,
    pub(super) tasks: TaskTracker,
}

#[derive(Default)]
pub(super) struct State {
    /// Leases that wait, hold a machine, or whose machine is being destroyed, with the host type.
    pub(super) machines: BTreeMap<LeaseId, String>,
    /// Names of machines that exist or may.
    pub(super) names: BTreeSet<String>,
    pub(super) granted: BTreeMap<LeaseId, Leased>,
    /// What an earlier life leased, and waits to be adopted.
    pub(super) held: Vec<HeldMachine>,
}

/// A lease as it is written down for the next life: the password of a machine is nowhere else.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct HeldMachine {
    /// As the engine numbers it.
    pub(super) lease: LeaseId,
    /// As the machine knows it.
    pub(super) number: Lease,
    /// The build's.
    pub(super) build: BuildId,
    /// The machine's.
    pub(super) name: String,
    /// What its source calls it.
    pub(super) handle: String,
    /// What its agent lets in.
    pub(super) password: String,
}

/// A machine under a lease.
pub(super) struct Leased {
    pub(super) name: String,
    pub(super) handle: String,
    pub(super) number: Lease,
    pub(super) place: Place,
}

impl State {
    /// All our machines, those that are being made or destroyed, or wait to be adopted, included.
    pub(super) fn all(&self) -> u32 {
        u32::try_from(self.machines.len() + self.held.len()).unwrap_or(u32::MAX)
    }

    /// Our machines of this type, those that are being made or destroyed included.
    pub(super) fn count(&self, host_type: &str) -> u32 {
        let count = self.machines.values().filter(|of| *of == host_type).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    /// Strikes a lease out that nobody is to take up.
    pub(super) fn forget(&self, number: Lease) {
        self.book.forget(number, &self.tasks);
    }

    pub(super) fn failed(&self, call: &'static str, source: super::SourceError) -> PoolError {
        PoolError::Source { call, pool: self.settings.name.clone(), source }
    }

    /// Takes room for one more, if there is any: what the source counts may lag behind what we asked of it.
    pub(super) fn take_place(
        self: &Arc<Self>,
        request: &LeaseRequest,
        capacity: Capacity,
    ) -> Result<Option<Place>, PoolError> {
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
    pub(super) async fn make_and_tell(
        self: Arc<Self>,
        request: LeaseRequest,
        place: Place,
        mut reply: oneshot::Sender<Result<Granted, PoolError>>,
    ) {
        let spec = spec(&self.settings, &request);
        self.state().names.insert(spec.name.clone());
        match self.make(&request, place, &spec, &mut reply).await {
            Ok(granted) => {
                if reply.send(Ok(granted)).is_err() || self.ended.is_cancelled() {
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
        let numbers = Numbered::Anew(&self.numbers);
        let wanted = Wanted {
            name: &spec.name,
            handle: &handle,
            password: &spec.password,
            numbers,
            within: self.settings.ready,
        };
        let ready = tokio::select! {
            biased;
            () = reply.closed() => Err(PoolError::Canceled),
            ready = wait_until_ready(source, &self.settings, &wanted) => ready,
        };
        let kept = async {
            let (client, number) = ready?;
            self.book.keep(number, &wanted.held(request, number)).await.map(|()| (client, number))
        };
        let (client, number) = match kept.await {
            Ok(kept) => kept,
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
        let leased = Leased { name: spec.name.clone(), number, handle: handle.clone(), place };
        self.state().granted.insert(request.lease, leased);
        Ok(Granted { lease: request.lease, machine, client, local: None, notes: Vec::new() })
    }

    pub(super) fn release(self: &Arc<Self>, lease: LeaseId) {
        let Some(leased) = self.state().granted.remove(&lease) else { return };
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            shared.destroy(&leased.name, &leased.handle).await;
            shared.forget(leased.number);
            shared.state().names.remove(&leased.name);
            drop(leased.place);
        });
    }

    /// Destroys what an earlier life leased and nobody takes up.
    pub(super) fn give_up(self: &Arc<Self>, held: HeldMachine) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            shared.destroy(&held.name, &held.handle).await;
            shared.forget(held.number);
            shared.state().names.remove(&held.name);
        });
    }

    pub(super) async fn destroy(&self, name: &str, handle: &str) {
        if let Err(error) = destroy(self.source.as_ref(), &self.settings, handle).await {
            tracing::warn!(pool = self.settings.name, machine = name, %error, "a machine could not be destroyed");
        }
    }
}

/// Room for one machine, until it is destroyed.
pub(super) struct Place {
    /// Weak, because the pool holds it, too.
    pub(super) shared: Weak<Shared>,
    pub(super) lease: LeaseId,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.state().machines.remove(&self.lease);
            shared.changed.send_modify(|count| *count += 1);
        }
    }
}
