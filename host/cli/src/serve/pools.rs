//! The pools of a service: opened once, under their names, and shared by all builds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plugin_host::PluginRegistry;
use tokio::sync::Mutex;

use crate::assemble::{Machines, PoolChoice, PoolGround, machines};
use crate::config::find::Kept;
use crate::config::host::HostFile;

/// Opened pools by name.
pub(super) struct OpenPools {
    kept: Kept,
    survive: Duration,
    open: Mutex<BTreeMap<String, Arc<Machines>>>,
}

impl OpenPools {
    /// None is open yet. Local buildlets outlive this process for as long as is said.
    pub(super) fn new(kept: Kept, survive: Duration) -> OpenPools {
        OpenPools { kept, survive, open: Mutex::default() }
    }

    /// The pool of this name, opened with what host and plugins are now if it was not yet.
    ///
    /// # Errors
    /// There is no such pool, or it cannot be opened.
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
        let ground = PoolGround { host, kept: &self.kept, helpers: None, survive: Some(self.survive) };
        let opened = Arc::new(machines(&PoolChoice::Named(name.to_owned()), ground, registry)?);
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
