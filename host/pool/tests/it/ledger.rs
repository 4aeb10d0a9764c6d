//! A ledger in memory: what one life of a pool writes, the next one reads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use buildlet::protocol::Lease;
use pool::{Ledger, LedgerError};

/// The entries by number. Clones are the same ledger.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    entries: Arc<Mutex<BTreeMap<Lease, String>>>,
    /// Somebody else writes now.
    pub(crate) superseded: Arc<Mutex<bool>>,
}

impl Memory {
    pub(crate) fn entries(&self) -> Vec<String> {
        self.entries.lock().unwrap().values().cloned().collect()
    }

    /// As a pool wants it.
    pub(crate) fn of_pool(&self) -> Arc<dyn Ledger> {
        Arc::new(self.clone())
    }

    fn allowed(&self) -> Result<(), LedgerError> {
        let superseded = *self.superseded.lock().unwrap();
        if superseded { Err(LedgerError("another coordinator has taken over".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Ledger for Memory {
    async fn read(&self) -> Result<Vec<String>, LedgerError> {
        Ok(self.entries())
    }

    async fn write(&self, number: Lease, entry: &str) -> Result<(), LedgerError> {
        self.allowed()?;
        self.entries.lock().unwrap().insert(number, entry.to_owned());
        Ok(())
    }

    async fn remove(&self, number: Lease) -> Result<(), LedgerError> {
        self.allowed()?;
        self.entries.lock().unwrap().remove(&number);
        Ok(())
    }
}
