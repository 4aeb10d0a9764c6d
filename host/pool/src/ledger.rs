//! Leases that outlive the process: the port to where they are written, and its entries.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use buildlet::protocol::Lease;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio_util::task::TaskTracker;

use crate::PoolError;

/// Where one pool writes its leases for whoever drives the builds next. Entries hold passwords of machines.
///
/// Writing is exclusive: where another coordinator has taken over, it is an error and changes nothing.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The entries that are there, by number.
    ///
    /// # Errors
    /// If they cannot be read.
    async fn read(&self) -> Result<Vec<String>, LedgerError>;

    /// Writes the entry of a lease; it is durable when this returns. One of the same number is replaced.
    ///
    /// # Errors
    /// If it is not written.
    async fn write(&self, number: Lease, entry: &str) -> Result<(), LedgerError>;

    /// Removes the entry of a lease that is over. One that is not there is no error.
    ///
    /// # Errors
    /// If it is not removed.
    async fn remove(&self, number: Lease) -> Result<(), LedgerError>;
}

/// Why a ledger was not read or written.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct LedgerError(pub Box<dyn std::error::Error + Send + Sync>);

/// The leases of one pool as they are written down. Without a ledger they end with the process, and nothing is written.
pub(crate) struct Book<T> {
    pool: String,
    ledger: Option<Arc<dyn Ledger>>,
    entries: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> Book<T> {
    /// Of a pool whose leases end with the process.
    pub(crate) fn none(pool: &str) -> Book<T> {
        Book { pool: pool.to_owned(), ledger: None, entries: PhantomData }
    }

    /// Reads what an earlier life wrote. An entry that is not understood stays where it is, and is said to be there.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub(crate) async fn open(pool: &str, ledger: Arc<dyn Ledger>) -> Result<(Book<T>, Vec<T>), PoolError> {
        let found = ledger.read().await.map_err(|source| PoolError::Ledger { pool: pool.to_owned(), source })?;
        let understood = found.iter().filter_map(|entry| match serde_json::from_str(entry) {
            Ok(entry) => Some(entry),
            Err(error) => {
                tracing::warn!(pool, %error, "the entry of a lease is not understood");
                None
            }
        });
        let held = understood.collect();
        Ok((Book { ledger: Some(ledger), ..Book::none(pool) }, held))
    }

    /// Whether leases outlive the process.
    pub(crate) fn is_kept(&self) -> bool {
        self.ledger.is_some()
    }

    /// Writes a lease down.
    ///
    /// # Errors
    /// If it is not written: then it must not be granted.
    pub(crate) async fn keep(&self, number: Lease, entry: &T) -> Result<(), PoolError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let entry = serde_json::to_string(entry).expect("entries are plain data");
        let written = ledger.write(number, &entry).await;
        written.map_err(|source| PoolError::Ledger { pool: self.pool.clone(), source })
    }

    /// Strikes a lease out that is over, in the background: one that nobody takes up is found to be over in any case.
    pub(crate) fn forget(&self, number: Lease, tasks: &TaskTracker) {
        let Some(ledger) = self.ledger.clone() else { return };
        let pool = self.pool.clone();
        tasks.spawn(async move {
            if let Err(error) = ledger.remove(number).await {
                tracing::warn!(pool, %number, %error, "the entry of a lease that is over is still there");
            }
        });
    }
}
