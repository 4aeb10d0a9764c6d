//! Opening what a service works with.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use logs::{LogSettings, LogStore};
use plugin_host::{EngineOptions, PluginHost};
use snapshot::blob::{BlobOptions, BlobStore};
use store::{Settings, Store};

use super::planner::pins;
use super::pools::OpenPools;
use super::shelf::Shelf;
use super::trees::Trees;
use super::workshop::Workshop;
use crate::bundle::BUNDLE;
use crate::config::find::Kept;
use crate::config::host::HostFile;
use crate::exit::UsageError;

/// The file that a service over a state folder has locked.
const LOCK: &str = "serve.lock";

/// Claims a state folder for this process.
///
/// # Errors
/// Another service has it, or it cannot be made.
pub(super) fn claim(state: &Path) -> anyhow::Result<File> {
    // Trees, logs and the token are nobody's business but this account's.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(state);
    made.with_context(|| format!("failed to make the folder `{}`", state.display()))?;
    let path = state.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("failed to open `{}`", path.display()))?;
    file.try_lock().map_err(|_| {
        UsageError::new(
            format!("another `muster serve` keeps its state in `{}`", state.display()),
            "stop that one, or give this one a folder of its own with `--state DIR`",
        )
    })?;
    Ok(file)
}

/// The file of records, where no other store is configured.
fn records_file(kept: &Kept) -> PathBuf {
    kept.state.join("muster.sqlite")
}

/// Where the records are: the address that is configured, or a file in the state folder.
pub(crate) fn records(host: &HostFile, kept: &Kept) -> String {
    host.config.store.url.clone().unwrap_or_else(|| records_file(kept).to_string_lossy().into_owned())
}

/// Whether a service has kept anything there, as far as this machine can tell.
pub(super) fn is_known(host: &HostFile, kept: &Kept) -> bool {
    host.config.store.url.is_some() || records_file(kept).exists()
}

/// Opens the store of records.
///
/// # Errors
/// It cannot be opened.
pub(super) async fn store(host: &HostFile, kept: &Kept) -> anyhow::Result<Store> {
    let store = match &host.config.store.url {
        Some(url) => Store::open(url, &Settings::default()).await,
        None => Store::open_sqlite(&records_file(kept), &Settings::default()).await,
    };
    store.context("failed to open the store of records")
}

/// Opens the blob store.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn blobs(host: &HostFile, kept: &Kept) -> anyhow::Result<BlobStore> {
    blobs_with(host, kept, &BlobOptions::default())
}

fn blobs_with(host: &HostFile, kept: &Kept, options: &BlobOptions) -> anyhow::Result<BlobStore> {
    let folder = kept.state.join("blobs");
    let location = host.config.blobs.url.clone().unwrap_or_else(|| folder.to_string_lossy().into_owned());
    BlobStore::open(&location, options).context("failed to open the blob store")
}

/// Opens everything.
///
/// # Errors
/// A store cannot be opened, or a plugin cannot be used.
pub(super) async fn workshop(host: HostFile, kept: Kept) -> anyhow::Result<Workshop> {
    let config = &host.config;
    let store = store(&host, &kept).await?;
    let quick_blobs = blobs(&host, &kept)?;
    let blobs = blobs_with(&host, &kept, &patient(config.serve.store_patience.0))?;
    let logs = LogStore::new(blobs.clone(), LogSettings::default());
    let options = EngineOptions { cache_folder: Some(kept.compiled.clone()), ..EngineOptions::default() };
    let plugins = PluginHost::new(&options).context("failed to start the plugin host")?;
    let names: Vec<String> =
        BUNDLE.iter().map(|plugin| plugin.name.to_owned()).chain(config.plugins.keys().cloned()).collect();
    let pins = pins(&store, names.into_iter()).await?;
    let shelf = Shelf::open(Arc::clone(&plugins), blobs.clone(), &kept.state, host, &pins).await?;
    Ok(Workshop {
        shelf,
        trees: Trees::open(kept.state.join("trees"), blobs.clone())?,
        pools: OpenPools::new(kept.clone()),
        store,
        blobs,
        quick_blobs,
        logs,
        kept,
    })
}

/// What builds need of a store that is away is asked for until it comes back, or this long.
fn patient(patience: Duration) -> BlobOptions {
    BlobOptions { max_retries: usize::MAX, retry_timeout: patience, ..BlobOptions::default() }
}
