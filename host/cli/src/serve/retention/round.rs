//! One round of tidying: what is found is removed, or only told.

use ::logs::LogStore;
use anyhow::Context;
use coordinator::now;
use engine::BuildId;
use snapshot::blob::BlobStore;
use store::Store;

use super::needs::Needs;
use super::stale::{Kind, Stale};
use super::{components, generations, logs, trees};
use crate::config::host::HostFile;

/// Rows of one kind that go in one round: so that no round holds the store for long.
pub(super) const ROWS_A_ROUND: u32 = 10_000;

/// What a round works on.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) store: &'a Store,
    pub(crate) blobs: &'a BlobStore,
    pub(crate) logs: &'a LogStore,
    pub(crate) host: &'a HostFile,
    /// Nothing is removed, only told.
    pub(crate) dry_run: bool,
}

/// What came of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What went, or would go.
    pub(crate) stale: Vec<Stale>,
    /// What could not be removed, and is tried again by the next round.
    pub(crate) failures: Vec<String>,
}

impl Outcome {
    /// Notes what was removed, or could not be.
    pub(super) fn add<E: std::fmt::Display>(&mut self, stale: Stale, removed: Result<(), E>) {
        match removed {
            Ok(()) => self.stale.push(stale),
            Err(error) => self.failures.push(format!("{} {}: {error}", stale.kind.word(), stale.name)),
        }
    }

    /// Bytes of the blob store that became free.
    pub(crate) fn bytes(&self) -> u64 {
        self.stale.iter().map(|stale| stale.bytes).sum()
    }
}

/// Does a round.
///
/// # Errors
/// A store cannot be read, so that nobody knows what is needed: then nothing more is removed.
pub(crate) async fn round(ground: Ground<'_>) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    // Before anything goes: a store that is not the one that these blobs belong to knows none of their builds.
    logs::check(ground, &Needs::read(ground.store).await?).await?;
    let forgotten = builds(ground, &mut outcome).await?;
    let mut needs = Needs::read(ground.store).await?;
    needs.forgotten = forgotten.into_iter().map(|build| build.0).collect();
    needs.shown.retain(|build, _| !needs.forgotten.contains(build));
    logs::tidy(ground, &needs, &mut outcome).await?;
    trees::tidy(ground, &needs, &mut outcome).await?;
    components::tidy(ground, &needs, &mut outcome).await?;
    generations::tidy(ground, &needs, &mut outcome).await?;
    events(ground, &mut outcome).await?;
    snapshots(ground, &needs, &mut outcome).await?;
    Ok(outcome)
}

/// Rows of the store: what is forgotten.
async fn builds(ground: Ground<'_>, outcome: &mut Outcome) -> anyhow::Result<Vec<BuildId>> {
    let section = &ground.host.config.retention;
    let retention = section.of_store(now());
    let forgotten =
        if ground.dry_run { ground.store.forgettable(&retention).await } else { ground.store.forget(&retention).await };
    let forgotten = forgotten.context("failed to forget old builds")?;
    let shown = match section.builds_count {
        Some(count) => format!("it ended more than {} ago, or is not of the last {count}", section.builds),
        None => format!("it ended more than {} ago", section.builds),
    };
    let stale =
        |kind, build: &BuildId, why: &str| Stale { kind, name: build.0.to_string(), why: why.to_owned(), bytes: 0 };
    outcome.stale.extend(forgotten.builds.iter().map(|build| stale(Kind::Build, build, &shown)));
    let gone = format!("it is not shown, and ended more than {} ago", section.records);
    outcome.stale.extend(forgotten.records.iter().map(|build| stale(Kind::Records, build, &gone)));
    Ok(forgotten.builds)
}

/// What `[blobs]` bounds: snapshots, by their last use.
async fn snapshots(ground: Ground<'_>, needs: &Needs, outcome: &mut Outcome) -> anyhow::Result<()> {
    let config = &ground.host.config;
    let bounds = config.blobs.bounds(config.limits.build.0);
    if bounds.bytes.is_none() && bounds.age.is_none() {
        return Ok(());
    }
    let pruned = if ground.dry_run {
        ground.blobs.prunable(&bounds).await
    } else {
        // The tree of a build that has long been waiting was not used since it was uploaded.
        trees::mark_used(ground, needs).await?;
        ground.blobs.prune(&bounds).await
    };
    let pruned = pruned.context("failed to prune the blob store")?;
    if pruned.blobs > 0 {
        let why = "beyond `max-size` or `max-age` of `[blobs]`, those used longest ago".to_owned();
        outcome.stale.push(Stale { kind: Kind::Snapshots, name: pruned.blobs.to_string(), why, bytes: pruned.bytes });
    }
    Ok(())
}

/// What was done to the service long ago.
async fn events(ground: Ground<'_>, outcome: &mut Outcome) -> anyhow::Result<()> {
    let most = ground.host.config.retention.events;
    let before = now().minus(most.0);
    let old = if ground.dry_run {
        ground.store.old_events(before, ROWS_A_ROUND).await
    } else {
        ground.store.remove_events(before, ROWS_A_ROUND).await
    };
    let old = old.context("failed to remove old events")?;
    if old > 0 {
        let why = format!("more than {most} ago");
        outcome.stale.push(Stale { kind: Kind::Events, name: old.to_string(), why, bytes: 0 });
    }
    Ok(())
}
