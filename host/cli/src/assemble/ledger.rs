//! What outlives a service, and where its pools write it: the store, which every coordinator over it reads.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use buildlet::protocol::Lease;
use pool::{Ledger, LedgerError};
use store::{Cause, Epoch, Store, StoreError};
use tokio::time::Instant;

/// Between two tries at a store that is away.
const PAUSE: Duration = Duration::from_millis(500);

/// What a pool needs so that its machines outlive the process.
#[derive(Clone)]
pub(crate) struct Survival {
    /// For how long local buildlets wait for whoever comes next.
    pub(crate) window: Duration,
    /// Where leases are written.
    pub(crate) store: Store,
    /// Under what right.
    pub(crate) epoch: Epoch,
    /// How long a store that is away is asked again.
    pub(crate) patience: Duration,
    /// What tells machines of this store's coordinators from those of others.
    pub(crate) installation: String,
}

impl Survival {
    /// Where the pool of this name writes its leases.
    pub(crate) fn ledger(&self, pool: &str) -> Arc<dyn Ledger> {
        Arc::new(StoreLedger { survival: self.clone(), pool: pool.to_owned() })
    }
}

struct StoreLedger {
    survival: Survival,
    pool: String,
}

impl StoreLedger {
    /// Asks until the store answers, for a while.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, LedgerError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let give_up = Instant::now() + self.survival.patience;
        loop {
            match ask().await {
                Err(error)
                    if matches!(error.cause(), Cause::Unavailable | Cause::DiskFull) && Instant::now() < give_up =>
                {
                    tracing::warn!(pool = self.pool, %error, "the store does not answer for leases; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                answer => return answer.map_err(|error| LedgerError(Box::new(error))),
            }
        }
    }
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn read(&self) -> Result<Vec<String>, LedgerError> {
        self.patiently(|| self.survival.store.leases(&self.pool)).await
    }

    async fn write(&self, number: Lease, entry: &str) -> Result<(), LedgerError> {
        let Survival { store, epoch, .. } = &self.survival;
        self.patiently(|| store.keep_lease(epoch, &self.pool, number.0, entry)).await
    }

    async fn remove(&self, number: Lease) -> Result<(), LedgerError> {
        let Survival { store, epoch, .. } = &self.survival;
        self.patiently(|| store.forget_lease(epoch, &self.pool, number.0)).await
    }
}
