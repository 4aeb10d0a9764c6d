//! Components that were plugins once: kept for builds that began with them, and for rollbacks.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use futures::TryStreamExt as _;
use snapshot::blob::ObjectInfo;

use super::generations::{GENERATIONS, last_of};
use super::needs::Needs;
use super::round::{Ground, Outcome};
use super::stale::{Kind, Stale};
use crate::bundle::BUNDLE;

/// Where components lie in the blob store.
const ROOT: &str = "plugins";
/// A younger one may be about to serve.
const YOUNG: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes those that nobody needs.
///
/// # Errors
/// They cannot be listed, or what is needed cannot be read.
pub(super) async fn tidy(ground: Ground<'_>, needs: &Needs, outcome: &mut Outcome) -> anyhow::Result<()> {
    let now = SystemTime::now();
    let listed = ground.blobs.list_objects(ROOT).try_collect::<Vec<ObjectInfo>>().await;
    let generations = generations(ground).await?;
    let mut old = listed.context("failed to list the components")?;
    old.retain(|object| {
        let age = now.duration_since(object.created).unwrap_or_default();
        age > YOUNG && !generations.contains(&digest(object))
    });
    // Usually there is none, and the builds need not be asked.
    if old.is_empty() {
        return Ok(());
    }
    let used = needs.components(ground.store).await?;
    old.retain(|object| !used.contains(&digest(object)));
    for object in old {
        let removed = if ground.dry_run { Ok(()) } else { ground.blobs.delete_object(&object.key).await };
        let why = format!("no build that is shown began with it, and it is not of its plugin's last {GENERATIONS}");
        outcome.add(Stale { kind: Kind::Component, name: digest(&object), why, bytes: object.bytes }, removed);
    }
    Ok(())
}

fn digest(object: &ObjectInfo) -> String {
    format!("sha256:{}", object.key.as_str().rsplit('/').next().unwrap_or_default())
}

/// The last generations of every plugin that is bundled or configured.
async fn generations(ground: Ground<'_>) -> anyhow::Result<BTreeSet<String>> {
    let mut kept = BTreeSet::new();
    let bundled = BUNDLE.iter().map(|plugin| plugin.name.to_owned());
    let plugins: Vec<String> = bundled.chain(ground.host.config.plugins.keys().cloned()).collect();
    for plugin in &plugins {
        let rows = ground.store.generations(plugin).await.context("failed to read the generations of a plugin")?;
        kept.extend(last_of(&rows));
    }
    Ok(kept)
}
