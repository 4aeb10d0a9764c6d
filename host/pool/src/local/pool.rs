//! The pool of child processes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use engine::LeaseId;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::LocalSettings;
use super::adopt::adopt;
use super::cgroup::PoolGroups;
use super::claim::{Claim, Place};
use super::folders::{MachineFolder, PoolFolder};
use super::shared::{Held, Shared};
use super::survivor::{self, Found};
use crate::connect::LeaseNumbers;
use crate::owned::remove_tree;
use crate::wanted::while_wanted;
use crate::{AdoptRequest, Capacity, Condition, Granted, LeaseRequest, Orphan, Pool, PoolError, Refusal, SeenMachine};

/// Child processes, one for each lease: made for it, and destroyed with it.
pub struct LocalPool {
    shared: Arc<Shared>,
}

impl LocalPool {
    /// Makes the pool's folder, and removes what earlier runs left; what is to survive is found again, and waits to be
    /// adopted. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the folder cannot be made, or another process has the machines that survive.
    pub fn new(settings: LocalSettings) -> Result<LocalPool, PoolError> {
        let prepare = |source| PoolError::Prepare { path: settings.state_dir.clone(), source };
        let folder = match settings.survive {
            None => PoolFolder::make(&settings.state_dir).map_err(prepare)?,
            Some(_) => PoolFolder::keep(&settings.state_dir, &settings.name).map_err(|source| PoolError::Keep {
                pool: settings.name.clone(),
                path: settings.state_dir.clone(),
                source,
            })?,
        };
        let (found, empty) = match settings.survive {
            None => (Vec::new(), Vec::new()),
            Some(_) => survivor::find(&folder).map_err(prepare)?,
        };
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
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let pool = LocalPool { shared: Arc::new(shared) };
        pool.hold(found, empty);
        Ok(pool)
    }

    /// Begins with what an earlier life left.
    fn hold(&self, found: Vec<Found>, empty: Vec<MachineFolder>) {
        let shared = &self.shared;
        for found in found {
            shared.numbers.above(found.record.number);
            let place = Place::keep(shared, &found.record);
            shared.state().held.push(Held { found, place });
        }
        // No process had passed the gate there.
        for folder in empty {
            shared.tasks.spawn_blocking(move || {
                if let Err(error) = remove_tree(&folder.path) {
                    tracing::warn!(folder = %folder.path.display(), %error, "a folder could not be removed");
                }
            });
        }
        if shared.settings.survive.is_some() {
            shared.groups.remove_empty();
        }
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
        while_wanted(&self.shared.stopped, &cancel, self.shared.grant(&request, claim)).await
    }

    async fn adopt(&self, request: AdoptRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        while_wanted(&self.shared.stopped, &cancel, adopt(&self.shared, &request)).await
    }

    async fn release(&self, lease: LeaseId, condition: Condition) {
        // Sound or broken, a machine ends with its lease.
        self.shared.release(lease, condition);
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
        let used = self.shared.state().machines.len();
        Capacity {
            total: Some(self.shared.settings.count),
            used: u32::try_from(used).unwrap_or(u32::MAX),
            elastic: false,
        }
    }

    async fn machines(&self) -> Vec<SeenMachine> {
        let state = self.shared.state();
        let machines = state.machines.iter().map(|(number, sight)| sight.of(self.shared.machine_name(*number)));
        machines.collect()
    }

    /// Agents that end with the process that started them are never left over.
    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError> {
        let state = self.shared.state();
        let orphans = state.held.iter().map(|held| Orphan {
            handle: held.found.record.number.to_string(),
            name: held.found.record.name.clone(),
            pool: self.shared.settings.name.clone(),
            created: Some(held.found.record.created),
        });
        Ok(orphans.collect())
    }

    async fn destroy_orphan(&self, orphan: &Orphan) -> Result<(), PoolError> {
        let held = {
            let mut state = self.shared.state();
            let found = state.held.iter().position(|held| held.found.record.number.to_string() == orphan.handle);
            found.map(|found| state.held.swap_remove(found))
        };
        if let Some(held) = held {
            self.shared.end(held).await;
        }
        Ok(())
    }

    async fn shutdown(&self) {
        let shared = &self.shared;
        shared.ended.cancel();
        shared.stopped.cancel();
        let leases: Vec<LeaseId> = shared.state().granted.keys().copied().collect();
        for lease in leases {
            shared.release(lease, Condition::Sound);
        }
        let held = std::mem::take(&mut shared.state().held);
        for held in held {
            shared.give_up(held);
        }
        shared.tasks.close();
        shared.tasks.wait().await;
        shared.groups.remove();
        if let Err(error) = shared.folder.remove() {
            tracing::warn!(folder = %shared.folder.path().display(), %error, "the pool's folder could not be removed");
        }
    }

    async fn leave(&self) {
        let shared = &self.shared;
        if shared.settings.survive.is_none() {
            return self.shutdown().await;
        }
        shared.stopped.cancel();
        shared.tasks.close();
        shared.tasks.wait().await;
    }
}
