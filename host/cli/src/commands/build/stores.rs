//! Where records, durations and snapshots of this build are kept.

use anyhow::Context;
use snapshot::blob::{BlobOptions, BlobStore, Pruned};
use store::{Epoch, RUN_SCOPES, Settings, Store};

use crate::assemble::BuildJob;
use crate::{exit, text};

/// Finished builds that the history keeps.
const KEPT_BUILDS: u32 = 1_000;

/// Opened stores, and the right to write records of this run.
pub(super) struct Stores {
    pub(super) store: Store,
    pub(super) epoch: Epoch,
    pub(super) blobs: BlobStore,
}

/// Opens them.
///
/// # Errors
/// One of them cannot be opened.
pub(super) async fn stores(job: &BuildJob) -> anyhow::Result<Stores> {
    let config = &job.host.config;
    let file = job.kept.state.join("muster.sqlite");
    let store = match &config.store.url {
        Some(url) => Store::open(url, &Settings::default()).await,
        None => Store::open_sqlite(&file, &Settings::default()).await,
    }
    .context("failed to open the store of records")?;
    // Several builds of one user run side by side: each writes only its own.
    let scope = format!("{RUN_SCOPES}{}-{}", std::process::id(), unix_nanos());
    let epoch = store.claim_epoch(&scope).await.context("failed to claim the right to write records")?;
    store.prune_finished(KEPT_BUILDS).await.context("failed to prune the history")?;
    let folder = job.kept.state.join("blobs");
    let location = config.blobs.url.clone().unwrap_or_else(|| folder.to_string_lossy().into_owned());
    let blobs = BlobStore::open(&location, &BlobOptions::default()).context("failed to open the store of snapshots")?;
    Ok(Stores { store, epoch, blobs })
}

/// Keeps the store of snapshots within its bounds. In words what was removed, or what was in the way; `None` where there
/// was nothing to do.
pub(super) async fn tidy(job: &BuildJob, blobs: &BlobStore) -> Option<String> {
    let bounds = job.host.config.blobs.bounds(job.host.config.limits.build.0);
    if bounds.bytes.is_none() && bounds.age.is_none() {
        return None;
    }
    match blobs.prune(&bounds).await {
        Ok(pruned) => told(&pruned),
        Err(error) => Some(format!("old snapshots were not removed: {}", exit::describe(&error.into()))),
    }
}

fn told(pruned: &Pruned) -> Option<String> {
    let mut removed = Vec::new();
    if pruned.blobs > 0 {
        let (bytes, left) = (text::bytes(pruned.bytes), text::bytes(pruned.left));
        removed.push(format!(
            "{} that no build used lately ({bytes}, {left} left)",
            text::plural(pruned.blobs, "old snapshot")
        ));
    }
    if pruned.leftovers > 0 {
        removed.push(format!("{} of builds that were killed", text::plural(pruned.leftovers, "leftover")));
    }
    (!removed.is_empty()).then(|| format!("removed {}", removed.join(" and ")))
}

fn unix_nanos() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos()
}
