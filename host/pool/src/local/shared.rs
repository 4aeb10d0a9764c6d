//! What the requests of the local pool share: its machines, how they are made, and how they end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use buildlet::client::Client;
use engine::{HostType, LeaseId, Machine};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::agent::Agent;
use super::cgroup::PoolGroups;
use super::claim::{Claim, Place};
use super::folders::PoolFolder;
use super::survivor::{Found, Start};
use super::{LocalSettings, child};
use crate::connect::{LeaseNumbers, connect_own, machine_of};
use crate::seen::Sight;
use crate::wanted::EndUnlessWanted;
use crate::{Condition, Granted, Holder, LeaseRequest, LocalInfo, PoolError, Seen};

pub(super) struct Shared {
    pub(super) settings: LocalSettings,
    pub(super) folder: PoolFolder,
    pub(super) groups: PoolGroups,
    pub(super) notes: Vec<String>,
    /// One permit for each machine; waiting is first come first served.
    pub(super) places: Arc<Semaphore>,
    pub(super) state: Mutex<State>,
    pub(super) numbers: LeaseNumbers,
    /// No more requests.
    pub(super) stopped: CancellationToken,
    /// No lease goes on either.
    pub(super) ended: CancellationToken,
    pub(super) tasks: TaskTracker,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) claims: BTreeSet<LeaseId>,
    /// Machines by their numbers, those that are made or destroyed included: the lowest free one is the next machine's.
    pub(super) machines: BTreeMap<u32, Sight>,
    pub(super) granted: BTreeMap<LeaseId, Leased>,
    /// What an earlier life started, and waits to be adopted.
    pub(super) held: Vec<Held>,
}

/// A machine that waits to be adopted, and the room it has meanwhile.
pub(super) struct Held {
    pub(super) found: Found,
    pub(super) place: Place,
}

/// A machine under a lease.
pub(super) struct Leased {
    pub(super) agent: Agent,
    pub(super) client: Arc<Client>,
    pub(super) place: Place,
}

impl State {
    /// The machine of this number is something else from now on.
    fn turn(&mut self, number: u32, seen: Seen) {
        if let Some(sight) = self.machines.get_mut(&number) {
            sight.turn(seen);
        }
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    /// What the machine of this number is called.
    pub(super) fn machine_name(&self, number: u32) -> String {
        format!("{}-{number}", self.settings.name)
    }

    pub(super) async fn grant(self: &Arc<Self>, request: &LeaseRequest, claim: Claim) -> Result<Granted, PoolError> {
        let permit = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        let place = Place::take(self, permit, request);
        // Starting goes on to its end when the request is dropped, so that what was started is destroyed in order.
        let asked = EndUnlessWanted::new(|| self.release(request.lease, Condition::Sound));
        let (reply, started) = tokio::sync::oneshot::channel();
        self.tasks.spawn(Arc::clone(self).start_and_tell(request.clone(), place, claim, reply));
        let granted = started.await.map_err(|_| PoolError::ShutDown)??;
        asked.wanted();
        Ok(granted)
    }

    async fn start_and_tell(
        self: Arc<Self>,
        request: LeaseRequest,
        place: Place,
        mut claim: Claim,
        reply: oneshot::Sender<Result<Granted, PoolError>>,
    ) {
        let name = self.machine_name(place.number);
        let leased = match self.start(&name, &request, place).await {
            Ok(leased) => leased,
            Err(error) => {
                // Whoever hears of it may use the number again.
                drop(claim);
                return drop(reply.send(Err(error)));
            }
        };
        let holder = request.holder();
        let granted = self.granted(request.lease, name, request.host_type.clone(), &leased);
        claim.granted = true;
        self.hold(holder, request.host_type, leased, false);
        if reply.send(Ok(granted)).is_err() || self.ended.is_cancelled() {
            self.release(holder.lease, Condition::Sound);
        }
    }

    async fn start(&self, name: &str, request: &LeaseRequest, place: Place) -> Result<Leased, PoolError> {
        let (settings, pool, groups) = (&self.settings, &self.folder, &self.groups);
        let number = self.numbers.next();
        let (agent, url) = match settings.survive {
            None => child::start(settings, pool, groups, name, &format!("{name}-{}", request.lease)).await?,
            Some(survive) => {
                let start = Start { settings, pool, groups, name, place: place.number, number, survive };
                start.start(request).await?
            }
        };
        match connect_own(name, &url, &settings.client, number).await {
            Ok(client) => Ok(Leased { agent, client, place }),
            Err(error) => {
                agent.destroy(settings, None).await;
                Err(error)
            }
        }
    }

    async fn destroy(&self, leased: Leased) {
        let Leased { agent, client, place } = leased;
        agent.destroy(&self.settings, Some(&client)).await;
        // Only now is there room for another.
        drop(place);
    }

    /// A lease holds a machine from now on.
    pub(super) fn hold(&self, holder: Holder, host_type: HostType, leased: Leased, adopted: bool) {
        let mut state = self.state();
        let sight = Sight::new(host_type, Seen::Leased { holder, adopted });
        state.machines.insert(leased.place.number, sight);
        state.granted.insert(holder.lease, leased);
    }

    pub(super) fn release(self: &Arc<Self>, lease: LeaseId, condition: Condition) {
        let mut state = self.state();
        let Some(leased) = state.granted.remove(&lease) else { return };
        state.claims.remove(&lease);
        state.turn(leased.place.number, Seen::Leaving { broken: condition.cause() });
        drop(state);
        let shared = Arc::clone(self);
        self.tasks.spawn(async move { shared.destroy(leased).await });
    }

    /// A lease as whoever asked for it sees it.
    pub(super) fn granted(&self, lease: LeaseId, name: String, host_type: HostType, leased: &Leased) -> Granted {
        Granted {
            lease,
            machine: Machine { name, host_type, machine: machine_of(&leased.client), pool: self.settings.name.clone() },
            client: Arc::clone(&leased.client),
            local: Some(LocalInfo { pid: leased.agent.pid, work_dir: leased.agent.folder.work_dir.clone() }),
            notes: self.notes.clone(),
        }
    }

    /// Destroys what an earlier life started and nobody takes up.
    pub(super) fn give_up(self: &Arc<Self>, held: Held) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move { shared.end(held).await });
    }

    /// The same, to its end.
    pub(super) async fn end(&self, held: Held) {
        let Held { found, place } = held;
        self.state().turn(place.number, Seen::Leaving { broken: None });
        tracing::info!(machine = found.record.name, "destroying a machine that an earlier run left");
        found.agent().destroy(&self.settings, None).await;
        drop(place);
    }
}
