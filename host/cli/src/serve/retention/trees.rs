//! Uploaded trees that no build needs.

use std::time::SystemTime;

use anyhow::Context;
use futures::TryStreamExt as _;

use super::needs::Needs;
use super::round::{Ground, Outcome};
use super::stale::{Kind, Stale};
use crate::serve::trees::key;

/// Where uploaded trees lie in the blob store.
const ROOT: &str = "trees";

/// Removes them.
///
/// # Errors
/// They cannot be listed.
pub(super) async fn tidy(ground: Ground<'_>, needs: &Needs, outcome: &mut Outcome) -> anyhow::Result<()> {
    let most = ground.host.config.retention.trees;
    let mut trees = ground.blobs.list(ROOT);
    let now = SystemTime::now();
    while let Some(tree) = trees.try_next().await.context("failed to list the uploaded trees")? {
        let hex = tree.key.as_str().rsplit('/').next().unwrap_or_default();
        let digest = format!("sha256:{hex}");
        if needs.trees.contains(&digest) || tree.age(now) <= most.0 {
            continue;
        }
        let removed = if ground.dry_run { Ok(()) } else { ground.blobs.delete(&tree.key).await.map(drop) };
        let why = format!("uploaded more than {most} ago, and no unfinished build needs it");
        outcome.add(Stale { kind: Kind::Tree, name: digest, why, bytes: tree.length }, removed);
    }
    Ok(())
}

/// Notes that the trees of unfinished builds are in use.
///
/// # Errors
/// The blob store refuses.
pub(super) async fn mark_used(ground: Ground<'_>, needs: &Needs) -> anyhow::Result<()> {
    for digest in &needs.trees {
        // A build of `muster build` names none.
        if digest.is_empty() {
            continue;
        }
        ground.blobs.mark_used(&key(digest)?).await.context("failed to note that a tree is used")?;
    }
    Ok(())
}
