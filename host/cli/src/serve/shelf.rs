//! The components that builds of a service share: replaced all together or not at all, and kept by their digests, so
//! that a build goes on with those it began with, whatever they were replaced by since.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use anyhow::Context;
use bytes::Bytes;
use engine::PluginRef;
use plugin_host::{Loaded, MAX_BYTES, PluginHost, PluginRegistry, PluginSettings, Source, digest_of, short};
use snapshot::blob::{BlobKey, BlobStore};

use crate::assemble::check_named;
use crate::bundle::BUNDLE;
use crate::config::host::HostFile;
use crate::config::tree::TreeConfig;
use crate::exit::UsageError;
use crate::plugins::plugin_settings;

/// The components of a service.
pub(super) struct Shelf {
    host: Arc<PluginHost>,
    blobs: BlobStore,
    state: std::path::PathBuf,
    current: RwLock<Arc<Shelved>>,
    /// Components that some build holds.
    held: Mutex<BTreeMap<String, Weak<Loaded>>>,
}

/// What new builds begin with. It never changes; what replaces it is another one.
pub(super) struct Shelved {
    /// The configuration that goes with the components.
    pub(super) host: HostFile,
    components: BTreeMap<String, Arc<Loaded>>,
}

impl Shelved {
    /// The same components under another configuration.
    pub(super) fn with_host(&self, host: &HostFile) -> Shelved {
        Shelved { host: host.clone(), components: self.components.clone() }
    }

    /// The names of the components.
    pub(super) fn names(&self) -> Vec<String> {
        self.components.keys().cloned().collect()
    }

    /// Of this name.
    pub(super) fn component(&self, name: &str) -> Option<&Arc<Loaded>> {
        self.components.get(name)
    }
}

/// A plugin that was replaced, added or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Swap {
    pub(super) plugin: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) source: String,
}

/// Plugins that stay at another component than their source's, while the source is this one.
pub(super) type Pins = BTreeMap<String, Pin>;

/// A rollback: `of` was replaced by `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) of: String,
    pub(super) to: String,
}

impl Shelf {
    /// A shelf with what this configuration names.
    ///
    /// # Errors
    /// A component that cannot be used.
    pub(super) async fn open(
        host: Arc<PluginHost>,
        blobs: BlobStore,
        state: &Path,
        file: HostFile,
        pins: &Pins,
    ) -> anyhow::Result<Shelf> {
        let empty = Shelved { host: HostFile::default(), components: BTreeMap::new() };
        let shelf = Shelf {
            host,
            blobs,
            state: state.to_owned(),
            current: RwLock::new(Arc::new(empty)),
            held: Mutex::default(),
        };
        shelf.replace(file, pins).await?;
        Ok(shelf)
    }

    /// What new builds begin with now.
    pub(super) fn current(&self) -> Arc<Shelved> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces everything by what this configuration names: what was swapped.
    ///
    /// # Errors
    /// A component that cannot be used; then everything stays as it was.
    pub(super) async fn replace(&self, file: HostFile, pins: &Pins) -> anyhow::Result<Vec<Swap>> {
        let mut components = BTreeMap::new();
        for plugin in BUNDLE {
            let own_source = file.config.plugins.get(plugin.name).is_some_and(|section| section.source.is_some());
            if !own_source {
                let bytes = Bytes::from_static(plugin.bytes);
                let loaded = self.take(plugin.name, plugin.digest, Source::Bundled, bytes, pins).await?;
                components.insert(plugin.name.to_owned(), loaded);
            }
        }
        for (name, section) in &file.config.plugins {
            let Some(source) = &section.source else {
                if components.contains_key(name) {
                    continue;
                }
                let what = format!("the section `[plugins.{name}]` names no `source`, and no such plugin is bundled");
                return Err(UsageError::new(what, "write `source = \"FILE.wasm\"`").into());
            };
            let path = file.resolve(source);
            let bytes = read(&path).await.with_context(|| format!("failed to use the plugin `{name}`"))?;
            let digest = digest_of(&bytes);
            let loaded = self.take(name, &digest, Source::File(path), bytes, pins).await?;
            components.insert(name.clone(), loaded);
        }
        let shelved = Shelved { host: file, components };
        self.check(&shelved)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let swaps = swaps(&current.components, &shelved.components);
        *current = Arc::new(shelved);
        Ok(swaps)
    }

    /// Settings, grants and pinned digests fit the components, and what `[build]` and rules name is there.
    fn check(&self, shelved: &Shelved) -> anyhow::Result<()> {
        let registry = self.registry(shelved, &TreeConfig::default())?;
        Ok(check_named(&shelved.host.config, &registry)?)
    }

    /// The component of these bytes, or the one it is pinned to.
    async fn take(
        &self,
        name: &str,
        digest: &str,
        source: Source,
        bytes: Bytes,
        pins: &Pins,
    ) -> anyhow::Result<Arc<Loaded>> {
        if let Some(pin) = pins.get(name).filter(|pin| pin.of == digest) {
            let reference = PluginRef { name: name.to_owned(), digest: pin.to.clone() };
            return self.pinned(&reference).await;
        }
        if let Some(loaded) = self.held(name, digest) {
            return Ok(loaded);
        }
        let loaded = self.host.load(name, source, bytes.clone()).await;
        let loaded = loaded.with_context(|| format!("failed to use the plugin `{name}`"))?;
        self.keep(digest, bytes).await?;
        Ok(self.hold(loaded))
    }

    /// The component that a build began with.
    ///
    /// # Errors
    /// It is not kept any more.
    pub(super) async fn pinned(&self, reference: &PluginRef) -> anyhow::Result<Arc<Loaded>> {
        let PluginRef { name, digest } = reference;
        if let Some(loaded) = self.held(name, digest) {
            return Ok(loaded);
        }
        let key = key_of(digest)?;
        let found = self.blobs.get_object(&key, MAX_BYTES).await;
        let bytes = found
            .with_context(|| format!("failed to read the component {}", short(digest)))?
            .with_context(|| format!("the component {} of plugin `{name}` is no longer kept", short(digest)))?;
        anyhow::ensure!(digest_of(&bytes) == *digest, "the kept component {} is damaged", short(digest));
        let loaded = self.host.load(name, Source::Stored, bytes).await?;
        Ok(self.hold(loaded))
    }

    /// The plugins of one build: all of the shelf's under the tree's settings too.
    ///
    /// # Errors
    /// Settings that a plugin cannot have.
    pub(super) fn registry(&self, shelved: &Shelved, tree: &TreeConfig) -> anyhow::Result<PluginRegistry> {
        let registry = PluginRegistry::new(Arc::clone(&self.host));
        for (name, loaded) in &shelved.components {
            let settings = plugin_settings(name, &shelved.host, tree, &self.state)?;
            registry.add_loaded(Arc::clone(loaded), settings)?;
        }
        Ok(registry)
    }

    /// The plugins that a build began with, with the settings that they had.
    ///
    /// # Errors
    /// One of them is no longer kept.
    pub(super) async fn registry_of(
        &self,
        plugins: &[PluginRef],
        settings: impl Fn(&PluginRef) -> anyhow::Result<PluginSettings>,
    ) -> anyhow::Result<PluginRegistry> {
        let registry = PluginRegistry::new(Arc::clone(&self.host));
        for plugin in plugins {
            registry.add_loaded(self.pinned(plugin).await?, settings(plugin)?)?;
        }
        Ok(registry)
    }

    fn held(&self, name: &str, digest: &str) -> Option<Arc<Loaded>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // One component under two names is two plugins.
        held.get(&hold_key(name, digest))?.upgrade()
    }

    fn hold(&self, loaded: Loaded) -> Arc<Loaded> {
        let loaded = Arc::new(loaded);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, component| component.strong_count() > 0);
        held.insert(hold_key(&loaded.name, &loaded.digest), Arc::downgrade(&loaded));
        loaded
    }

    /// Keeps the bytes for builds that go on after their file is gone.
    async fn keep(&self, digest: &str, bytes: Bytes) -> anyhow::Result<()> {
        match self.blobs.put_object(&key_of(digest)?, bytes).await {
            Ok(()) | Err(snapshot::BlobError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("failed to keep the component {}", short(digest))),
        }
    }
}

fn hold_key(name: &str, digest: &str) -> String {
    format!("{name}@{digest}")
}

fn key_of(digest: &str) -> anyhow::Result<BlobKey> {
    BlobKey::new(format!("plugins/{}", digest.trim_start_matches("sha256:"))).context("failed to name a component")
}

async fn read(path: &Path) -> anyhow::Result<Bytes> {
    let size = tokio::fs::metadata(path).await.with_context(|| format!("failed to read `{}`", path.display()))?.len();
    anyhow::ensure!(size <= MAX_BYTES, "`{}` is larger than the {} MiB of a plugin", path.display(), MAX_BYTES >> 20);
    Ok(tokio::fs::read(path).await.with_context(|| format!("failed to read `{}`", path.display()))?.into())
}

fn swaps(before: &BTreeMap<String, Arc<Loaded>>, after: &BTreeMap<String, Arc<Loaded>>) -> Vec<Swap> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let swap = |name: &String| {
        let digest = |components: &BTreeMap<String, Arc<Loaded>>| components.get(name).map(|one| one.digest.clone());
        let source = after.get(name).map_or_else(String::new, |one| one.source.to_string());
        Swap { plugin: name.clone(), before: digest(before), after: digest(after), source }
    };
    names.into_iter().map(swap).filter(|swap| swap.before != swap.after).collect()
}
