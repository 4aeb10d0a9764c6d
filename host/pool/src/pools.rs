//! Several pools as one: each host type is asked of the first pool that offers it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use engine::LeaseId;
use tokio_util::sync::CancellationToken;

use crate::{AdoptRequest, Capacity, Condition, Granted, LeaseRequest, Orphan, Pool, PoolError, Refusal, SeenMachine};

/// Pools by name, in the order they are asked.
pub struct Pools {
    pools: Vec<(String, Arc<dyn Pool>)>,
    leases: Mutex<BTreeMap<LeaseId, Arc<dyn Pool>>>,
}

impl Pools {
    /// Combines pools; each must call itself by its name here in [`Orphan::pool`].
    #[must_use]
    pub fn new(pools: Vec<(String, Arc<dyn Pool>)>) -> Pools {
        Pools { pools, leases: Mutex::new(BTreeMap::new()) }
    }

    fn leases(&self) -> std::sync::MutexGuard<'_, BTreeMap<LeaseId, Arc<dyn Pool>>> {
        self.leases.lock().expect("no holder of this lock can panic")
    }

    async fn route(&self, host_type: &str) -> Result<Arc<dyn Pool>, Refusal> {
        let mut refusals = Vec::new();
        for (name, pool) in &self.pools {
            match pool.can_build(host_type).await {
                Ok(()) => return Ok(Arc::clone(pool)),
                Err(refusal) => refusals.push(format!("pool `{name}`: {refusal}")),
            }
        }
        if refusals.is_empty() {
            return Err(Refusal("there is no pool".to_owned()));
        }
        Err(Refusal(refusals.join("; ")))
    }
}

#[async_trait]
impl Pool for Pools {
    async fn acquire(&self, request: LeaseRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        let host_type = request.host_type.clone();
        let lease = request.lease;
        let pool = self.route(&host_type).await.map_err(|refusal| PoolError::CannotBuild { host_type, refusal })?;
        let granted = pool.acquire(request, cancel).await?;
        self.leases().insert(lease, pool);
        Ok(granted)
    }

    async fn adopt(&self, request: AdoptRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        let lease = request.lease;
        let Some((_, pool)) = self.pools.iter().find(|(name, _)| *name == request.machine.pool) else {
            let cause = format!("there is no pool `{}` any more", request.machine.pool);
            return Err(PoolError::Lost { name: request.machine.name, cause });
        };
        if self.leases().contains_key(&lease) {
            return Err(PoolError::LeaseInUse(lease));
        }
        let granted = pool.adopt(request, cancel).await?;
        self.leases().insert(lease, Arc::clone(pool));
        Ok(granted)
    }

    async fn release(&self, lease: LeaseId, condition: Condition) {
        let pool = self.leases().remove(&lease);
        if let Some(pool) = pool {
            pool.release(lease, condition).await;
        }
    }

    async fn can_build(&self, host_type: &str) -> Result<(), Refusal> {
        self.route(host_type).await.map(drop)
    }

    async fn capacity(&self, host_type: &str) -> Capacity {
        match self.route(host_type).await {
            Ok(pool) => pool.capacity(host_type).await,
            Err(_) => Capacity { total: Some(0), ..Capacity::default() },
        }
    }

    async fn machines(&self) -> Vec<SeenMachine> {
        let mut all = Vec::new();
        for (_, pool) in &self.pools {
            all.extend(pool.machines().await);
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError> {
        let mut all = Vec::new();
        for (_, pool) in &self.pools {
            all.extend(pool.orphans().await?);
        }
        Ok(all)
    }

    async fn destroy_orphan(&self, orphan: &Orphan) -> Result<(), PoolError> {
        match self.pools.iter().find(|(name, _)| *name == orphan.pool) {
            Some((_, pool)) => pool.destroy_orphan(orphan).await,
            None => Ok(()),
        }
    }

    async fn shutdown(&self) {
        for (_, pool) in &self.pools {
            pool.shutdown().await;
        }
        self.leases().clear();
    }

    async fn leave(&self) {
        for (_, pool) in &self.pools {
            pool.leave().await;
        }
        self.leases().clear();
    }
}
