//! The pools of a service: opened once it drives the builds, each at its first use, and shared by all builds.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use plugin_host::PluginRegistry;
use tokio::sync::Mutex;

use crate::assemble::{Machines, PoolChoice, PoolGround, Survival, machines};
use crate::config::find::Kept;
use crate::config::host::HostFile;

/// Opened pools by name.
pub(super) struct OpenPools {
    kept: Kept,
    survival: OnceLock<Survival>,
    open: Mutex<BTreeMap<String, Arc<Machines>>>,
}

impl OpenPools {
    /// None is open yet.
    pub(super) fn new(kept: Kept) -> OpenPools {
        OpenPools { kept, survival: OnceLock::new(), open: Mutex::default() }
    }

    /// From now on this coordinator drives the builds, and what its pools hold is written down for the next one.
    ///
    /// # Errors
    /// It did so already.
    pub(super) fn drive(&self, survival: Survival) -> anyhow::Result<()> {
        self.survival.set(survival).ok().context("the pools are driven already")
    }

    /// The pool of this name, opened with what host and plugins are now if it was not yet.
    ///
    /// # Errors
    /// There is no such pool, it cannot be opened, or another coordinator drives the builds.
    pub(super) async fn get(
        &self,
        name: &str,
        host: &HostFile,
        registry: &PluginRegistry,
    ) -> anyhow::Result<Arc<Machines>> {
        let mut open = self.open.lock().await;
        if let Some(machines) = open.get(name) {
            return Ok(Arc::clone(machines));
        }
        let survival = self.survival.get().context("another coordinator drives the builds")?;
        let ground = PoolGround { host, kept: &self.kept, helpers: None, survival: Some(survival) };
        let opened = Arc::new(machines(&PoolChoice::Named(name.to_owned()), ground, registry).await?);
        for note in &opened.notes {
            tracing::warn!(pool = name, "{note}");
        }
        open.insert(name.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    /// Those that are open.
    pub(super) async fn all(&self) -> Vec<(String, Arc<Machines>)> {
        self.open.lock().await.iter().map(|(name, machines)| (name.clone(), Arc::clone(machines))).collect()
    }
}
