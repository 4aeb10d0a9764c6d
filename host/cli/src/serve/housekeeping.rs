//! What is done now and then: machines that nobody takes up again are destroyed, trees that no build needs go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Handle;

use super::retention::{Ground, needed_trees, round};
use super::workshop::Workshop;
use crate::config::tree::TreeConfig;
use crate::exit;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(600);

/// What is old is looked for in every sixth of them: it lists all that the blob store has.
const RETENTION_EVERY: u64 = 6;

/// Keeps house. Never returns. Nothing is destroyed before the window in which machines are taken up again has passed.
pub(super) async fn keep(workshop: Arc<Workshop>, adoption: Duration) {
    tokio::time::sleep(adoption).await;
    for turn in 0_u64.. {
        orphans(&workshop).await;
        if turn.is_multiple_of(RETENTION_EVERY) {
            old(Arc::clone(&workshop)).await;
        }
        if let Err(error) = trees(&workshop).await {
            tracing::warn!("submitted trees were not tidied: {}", exit::describe(&error));
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Opens the pools that are configured: machines of before may wait in one that no build has used yet.
async fn open_pools(workshop: &Workshop) -> anyhow::Result<()> {
    let shelved = workshop.shelf.current();
    let registry = workshop.shelf.registry(&shelved, &TreeConfig::default())?;
    let config = &shelved.host.config;
    let names: BTreeSet<String> = config.pool.keys().cloned().chain([config.build.pool.clone()]).collect();
    for name in &names {
        if let Err(error) = workshop.pools.get(name, &shelved.host, &registry).await {
            tracing::warn!(pool = name, "whether it has orphaned machines is not known: {}", exit::describe(&error));
        }
    }
    Ok(())
}

/// Machines of ours that no lease holds.
async fn orphans(workshop: &Workshop) {
    if let Err(error) = open_pools(workshop).await {
        tracing::warn!("the pools are not looked through for orphaned machines: {}", exit::describe(&error));
    }
    for (name, machines) in workshop.pools.all().await {
        let orphans = match machines.pool.orphans().await {
            Ok(orphans) => orphans,
            Err(error) => {
                tracing::warn!(pool = name, %error, "whether there are orphaned machines is not known");
                continue;
            }
        };
        for orphan in orphans {
            tracing::warn!(pool = name, machine = orphan.name, "destroying a machine that no build holds");
            if let Err(error) = machines.pool.destroy_orphan(&orphan).await {
                tracing::warn!(pool = name, machine = orphan.name, %error, "it could not be destroyed");
            }
        }
    }
}

/// What is kept for longer than `[retention]` and `[blobs]` say.
async fn old(workshop: Arc<Workshop>) {
    let runtime = Handle::current();
    // On a thread of its own: what all builds left is a long list.
    let rounded = tokio::task::spawn_blocking(move || {
        let shelved = workshop.shelf.current();
        let Workshop { store, blobs, logs, .. } = workshop.as_ref();
        runtime.block_on(round(Ground { store, blobs, logs, host: &shelved.host, dry_run: false }))
    });
    let outcome = match rounded.await.context("looking for what is old panicked").and_then(|rounded| rounded) {
        Ok(outcome) => outcome,
        Err(error) => return tracing::warn!("what is old was not removed: {}", exit::describe(&error)),
    };
    for failure in &outcome.failures {
        tracing::warn!("not removed, and tried again: {failure}");
    }
    if !outcome.stale.is_empty() {
        tracing::info!(removed = outcome.stale.len(), bytes = outcome.bytes(), "what was old is removed");
    }
}

/// Unpacked trees of builds that are over.
async fn trees(workshop: &Workshop) -> anyhow::Result<()> {
    workshop.trees.keep_only(&needed_trees(&workshop.store).await?).await
}
