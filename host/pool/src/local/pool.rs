//! The pool of child processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use async_trait::async_trait;
use buildlet::client::Client;
use engine::{LeaseId, Machine};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::LocalSettings;
use super::agent::Agent;
use super::cgroup::PoolGroups;
use super::folders::PoolFolder;
use crate::connect::{LeaseNumbers, connect, machine_of};
use crate::{Capacity, Condition, Granted, LeaseRequest, LocalInfo, Orphan, Pool, PoolError, Refusal};

/// Child processes, one for each lease: made for it, and destroyed with it.
pub struct LocalPool {
    shared: Arc<Shared>,
}

struct Shared {
    settings: LocalSettings,
    folder: PoolFolder,
    groups: PoolGroups,
    notes: Vec<String>,
    /// One permit for each machine; waiting is first come first served.
    places: Arc<Semaphore>,
    state: Mutex<State>,
    numbers: LeaseNumbers,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    claims: BTreeSet<LeaseId>,
    /// Numbers of machines in use: the lowest free one is the next machine's.
    numbers: BTreeSet<u32>,
    granted: BTreeMap<LeaseId, Leased>,
}

/// A machine under a lease.
struct Leased {
    agent: Agent,
    client: Arc<Client>,
    place: Place,
}

impl LocalPool {
    /// Makes the pool's folder, and removes what earlier runs left. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn new(settings: LocalSettings) -> Result<LocalPool, PoolError> {
        let prepare = |source| PoolError::Prepare { path: settings.state_dir.clone(), source };
        let folder = PoolFolder::make(&settings.state_dir).map_err(prepare)?;
        let groups = PoolGroups::make(&folder.name);
        let shared = Shared {
            notes: groups.missing(&settings.limits),
            places: Arc::new(Semaphore::new(settings.count as usize)),
            settings,
            folder,
            groups,
            state: Mutex::default(),
            numbers: LeaseNumbers::default(),
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        Ok(LocalPool { shared: Arc::new(shared) })
    }

    /// What this machine does not allow: limits that are not enforced, in words for the log.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.shared.notes
    }
}

#[async_trait]
impl Pool for LocalPool {
    async fn acquire(&self, request: LeaseRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        self.can_build(&request.host_type)
            .await
            .map_err(|refusal| PoolError::CannotBuild { host_type: request.host_type.clone(), refusal })?;
        let claim = Claim::make(&self.shared, request.lease)?;
        tokio::select! {
            biased;
            () = self.shared.stopped.cancelled() => Err(PoolError::ShutDown),
            () = cancel.cancelled() => Err(PoolError::Canceled),
            granted = self.shared.grant(&request, claim) => granted,
        }
    }

    async fn release(&self, lease: LeaseId, _condition: Condition) {
        // Sound or broken, a machine ends with its lease.
        self.shared.release(lease);
    }

    async fn can_build(&self, host_type: &str) -> Result<(), Refusal> {
        let known = &self.shared.settings.host_types;
        if !known.is_empty() && !known.iter().any(|known| known == host_type) {
            return Err(Refusal(format!("this machine is of type {}", known.join(", "))));
        }
        if self.shared.settings.count == 0 {
            return Err(Refusal("it may start no buildlets: its count is 0".to_owned()));
        }
        Ok(())
    }

    async fn capacity(&self, host_type: &str) -> Capacity {
        if self.can_build(host_type).await.is_err() {
            return Capacity { total: Some(0), ..Capacity::default() };
        }
        let used = self.shared.state().numbers.len();
        Capacity {
            total: Some(self.shared.settings.count),
            used: u32::try_from(used).unwrap_or(u32::MAX),
            elastic: false,
        }
    }

    /// Agents end with the process that started them, and their folders were removed when this pool was made.
    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError> {
        Ok(Vec::new())
    }

    async fn destroy_orphan(&self, _orphan: &Orphan) -> Result<(), PoolError> {
        Ok(())
    }

    async fn shutdown(&self) {
        let shared = &self.shared;
        shared.stopped.cancel();
        let leases: Vec<LeaseId> = shared.state().granted.keys().copied().collect();
        for lease in leases {
            shared.release(lease);
        }
        shared.tasks.close();
        shared.tasks.wait().await;
        shared.groups.remove();
        if let Err(error) = shared.folder.remove() {
            tracing::warn!(folder = %shared.folder.path().display(), %error, "the pool's folder could not be removed");
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    async fn grant(self: &Arc<Self>, request: &LeaseRequest, claim: Claim) -> Result<Granted, PoolError> {
        let permit = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        let place = Place::take(self, permit);
        // Starting goes on to its end when the request is dropped, so that what was started is destroyed in order.
        let mut unwanted = ReleaseUnlessWanted { shared: self, lease: request.lease, wanted: false };
        let (reply, started) = tokio::sync::oneshot::channel();
        self.tasks.spawn(Arc::clone(self).start_and_tell(request.clone(), place, claim, reply));
        let granted = started.await.map_err(|_| PoolError::ShutDown)??;
        unwanted.wanted = true;
        Ok(granted)
    }

    async fn start_and_tell(
        self: Arc<Self>,
        request: LeaseRequest,
        place: Place,
        mut claim: Claim,
        reply: oneshot::Sender<Result<Granted, PoolError>>,
    ) {
        let name = format!("{}-{}", self.settings.name, place.number);
        let folder_name = format!("{name}-{}", request.lease);
        let leased = match self.start(&name, &folder_name, place).await {
            Ok(leased) => leased,
            Err(error) => {
                // Whoever hears of it may use the number again.
                drop(claim);
                return drop(reply.send(Err(error)));
            }
        };
        let granted = Granted {
            lease: request.lease,
            machine: Machine {
                name,
                host_type: request.host_type,
                machine: machine_of(&leased.client),
                pool: self.settings.name.clone(),
            },
            client: Arc::clone(&leased.client),
            local: Some(LocalInfo { pid: leased.agent.pid, work_dir: leased.agent.folder.work_dir.clone() }),
            notes: self.notes.clone(),
        };
        claim.granted = true;
        self.state().granted.insert(request.lease, leased);
        if reply.send(Ok(granted)).is_err() || self.stopped.is_cancelled() {
            self.release(request.lease);
        }
    }

    async fn start(&self, name: &str, folder_name: &str, place: Place) -> Result<Leased, PoolError> {
        let agent = Agent::start(&self.settings, &self.folder, &self.groups, name, folder_name).await?;
        match connect(name, &agent.url, &self.settings.client, &self.numbers).await {
            Ok(client) => Ok(Leased { agent, client, place }),
            Err(error) => {
                agent.destroy(&self.settings, None).await;
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

    fn release(self: &Arc<Self>, lease: LeaseId) {
        let mut state = self.state();
        let Some(leased) = state.granted.remove(&lease) else { return };
        state.claims.remove(&lease);
        drop(state);
        let shared = Arc::clone(self);
        self.tasks.spawn(async move { shared.destroy(leased).await });
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

/// A lease number in use; given back unless a machine was granted under it.
struct Claim {
    shared: Arc<Shared>,
    lease: LeaseId,
    granted: bool,
}

impl Claim {
    fn make(shared: &Arc<Shared>, lease: LeaseId) -> Result<Claim, PoolError> {
        if !shared.state().claims.insert(lease) {
            return Err(PoolError::LeaseInUse(lease));
        }
        Ok(Claim { shared: Arc::clone(shared), lease, granted: false })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.granted {
            self.shared.state().claims.remove(&self.lease);
        }
    }
}

/// Room for one machine, and its number.
struct Place {
    /// Weak, because the pool holds it, too.
    shared: Weak<Shared>,
    number: u32,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn take(shared: &Arc<Shared>, permit: OwnedSemaphorePermit) -> Place {
        let mut state = shared.state();
        let number = (1..).find(|number| !state.numbers.contains(number)).expect("fewer are in use than there are");
        state.numbers.insert(number);
        drop(state);
        Place { shared: Arc::downgrade(shared), number, _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.state().numbers.remove(&self.number);
        }
    }
}
