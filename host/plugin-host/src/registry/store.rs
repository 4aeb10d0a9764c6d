//! The plugins of one host by name. What is replaced lives on while a build holds it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, RwLock};

use engine::{PluginFault, PluginFaultKind, PluginRef};

use super::describe::Description;
use super::generation::{Generation, PluginSettings};
use crate::error::LoadError;
use crate::load::{Loaded, Source};
use crate::plugin_host::PluginHost;
use crate::role::Role;

/// The plugins of one host.
pub struct PluginRegistry {
    host: Arc<PluginHost>,
    current: RwLock<BTreeMap<String, Arc<Generation>>>,
}

impl PluginRegistry {
    /// An empty registry.
    pub fn new(host: Arc<PluginHost>) -> PluginRegistry {
        PluginRegistry { host, current: RwLock::new(BTreeMap::new()) }
    }

    /// What its plugins run on.
    pub fn host(&self) -> &Arc<PluginHost> {
        &self.host
    }

    /// Loads a component that is part of the binary or was kept by its digest.
    ///
    /// # Errors
    /// [`LoadError`]; a former generation of this name then stays.
    pub async fn add_bytes(
        &self,
        name: &str,
        source: Source,
        bytes: impl AsRef<[u8]> + Send + 'static,
        settings: PluginSettings,
    ) -> Result<Arc<Generation>, LoadError> {
        let loaded = self.host.load(name, source, bytes).await?;
        self.add_loaded(Arc::new(loaded), settings)
    }

    /// Loads a component from its file.
    ///
    /// # Errors
    /// [`LoadError`]; a former generation of this name then stays.
    pub async fn add_file(
        &self,
        name: &str,
        path: &Path,
        settings: PluginSettings,
    ) -> Result<Arc<Generation>, LoadError> {
        let loaded = self.host.load_file(name, path).await?;
        self.add_loaded(Arc::new(loaded), settings)
    }

    /// Binds a component that is loaded already to settings of its own.
    ///
    /// # Errors
    /// [`LoadError`]; a former generation of this name then stays.
    pub fn add_loaded(&self, loaded: Arc<Loaded>, settings: PluginSettings) -> Result<Arc<Generation>, LoadError> {
        let generation = Generation::new(&self.host, loaded, settings)?;
        let name = generation.reference().name.clone();
        self.write().insert(name, Arc::clone(&generation));
        Ok(generation)
    }

    /// The current generation of this name, when it serves as this.
    ///
    /// # Errors
    /// A fault of kind `NotLoaded` that names what there is.
    pub fn get(&self, name: &str, role: Role) -> Result<Arc<Generation>, PluginFault> {
        let current = self.read();
        let not_loaded = |detail: String| PluginFault { kind: PluginFaultKind::NotLoaded, detail };
        let Some(generation) = current.get(name) else {
            let names: Vec<&str> =
                current.iter().filter(|(_, generation)| generation.has(role)).map(|(name, _)| name.as_str()).collect();
            let have = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(not_loaded(format!("there is no {role} plugin `{name}` (there are: {have})")));
        };
        if !generation.has(role) {
            let roles: Vec<&str> = generation.loaded.roles.iter().map(|found| found.role.word()).collect();
            return Err(not_loaded(format!("plugin `{name}` is no {role}: it serves as {}", roles.join(", "))));
        }
        Ok(Arc::clone(generation))
    }

    /// The generation of this name and digest, if it is the current one. Others are kept by those who pinned them.
    pub fn find(&self, reference: &PluginRef) -> Option<Arc<Generation>> {
        self.read().get(&reference.name).filter(|generation| generation.reference() == reference).cloned()
    }

    /// All generations that serve as this, by name.
    pub fn with_role(&self, role: Role) -> Vec<Arc<Generation>> {
        self.read().values().filter(|generation| generation.has(role)).cloned().collect()
    }

    /// Forgets a name; its generation lives on while someone holds it.
    pub fn remove(&self, name: &str) -> Option<Arc<Generation>> {
        self.write().remove(name)
    }

    /// What there is to say of each plugin, by name.
    pub fn describe(&self) -> Vec<Description> {
        let all: Vec<Arc<Generation>> = self.read().values().cloned().collect();
        all.iter().map(|generation| generation.describe()).collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Generation>>> {
        self.current.read().expect("no code that holds the map panics")
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Generation>>> {
        self.current.write().expect("no code that holds the map panics")
    }
}
