//! What the requests of a pool over a source share: its machines, how they are made, and how they go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::SystemTime;

use buildlet::protocol::Lease;
use engine::{BuildId, LeaseId, Machine};
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::machine::{Numbered, Wanted, destroy, machine_name, spec, wait_until_ready};
use super::{MachineSource, MachineSpec, PluginSettings};
use crate::connect::{LeaseNumbers, machine_of};
use crate::ledger::Book;
use crate::seen::Sight;
use crate::{Capacity, Condition, Granted, Holder, LeaseRequest, PoolError, Seen, SeenMachine};

pub(super) struct Shared {
    pub(super) source: Arc<dyn MachineSource>,
    pub(super) settings: PluginSettings,
    pub(super) state: Mutex<State>,
    /// Counts up whenever a machine was destroyed.
    pub(super) changed: watch::Sender<u64>,
    pub(super) numbers: LeaseNumbers,
    /// Since when what an earlier life leased waits.
    pub(super) opened: SystemTime,
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
    /// Leases whose machine is being made, is held, or is being destroyed.
    pub(super) machines: BTreeMap<LeaseId, Made>,
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

/// A machine, as it is seen.
pub(super) struct Made {
    /// As people know it.
    pub(super) name: String,
    pub(super) sight: Sight,
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
        let count = self.machines.values().filter(|made| made.sight.host_type == host_type).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The machine of this lease is something else from now on.
    fn turn(&mut self, lease: LeaseId, seen: Seen) {
        if let Some(made) = self.machines.get_mut(&lease) {
            made.sight.turn(seen);
        }
    }

    /// The machines as people see them. Those that wait do so since the pool was opened.
    pub(super) fn seen(&self, opened: SystemTime) -> Vec<SeenMachine> {
        let waits = |held: &HeldMachine| SeenMachine {
            name: held.name.clone(),
            host_type: String::new(),
            state: Seen::Waits(Holder { build: held.build, lease: held.lease }),
            since: opened,
        };
        let made = self.machines.values().map(|made| made.sight.of(made.name.clone()));
        let mut seen: Vec<SeenMachine> = made.chain(self.held.iter().map(waits)).collect();
        seen.sort_by(|a, b| a.name.cmp(&b.name));
        seen
    }

    /// A lease holds a machine from now on.
    pub(super) fn hold(&mut self, holder: Holder, leased: Leased, adopted: bool) {
        self.turn(holder.lease, Seen::Leased { holder, adopted });
        self.granted.insert(holder.lease, leased);
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
        let sight = Sight::new(request.host_type.clone(), Seen::Prepared(request.holder()));
        state.machines.insert(request.lease, Made { name: machine_name(&self.settings, request.lease), sight });
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
                    self.release(request.lease, Condition::Sound);
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
        self.state().hold(request.holder(), leased, false);
        Ok(Granted { lease: request.lease, machine, client, local: None, notes: Vec::new() })
    }

    pub(super) fn release(self: &Arc<Self>, lease: LeaseId, condition: Condition) {
        let mut state = self.state();
        let Some(leased) = state.granted.remove(&lease) else { return };
        state.turn(lease, Seen::Leaving { broken: condition.cause() });
        drop(state);
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
