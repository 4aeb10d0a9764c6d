//! Drives one build: gives it its plugins, its pool and its stores, and passes on what it tells.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use coordinator::ports::Purpose;
use coordinator::{Coordinator, CoordinatorConfig, JobSetup, JobSource, NewBuild, Resources};
use engine::{BuildSpec, ExecFailure, ExecFailureKind};
use plugin_host::PluginRegistry;
use snapshot::key::TrustDomain;
use snapshot::source::{FoundBy, SourceListing};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use super::stores::{Stores, stores, tidy};
use crate::assemble::{BuildJob, Ground, Machines, PoolGround, Subject, check_sections, listing, machines, outline};
use crate::plugins::{Loading, load};
use crate::view::BuildUpdate;

/// Why a build was canceled here.
const INTERRUPTED: &str = "interrupted";

/// Runs a build to its end. Its last update is [`BuildUpdate::Done`].
///
/// # Errors
/// What kept it from having a report: configuration (a plugin that is not there), a store that cannot be opened, or that
/// it was canceled before it was submitted.
pub(super) async fn run(job: BuildJob, updates: Sender<BuildUpdate>, cancel: CancellationToken) -> anyhow::Result<()> {
    let listing = listing(&job.tree, job.left_out.clone()).await?;
    // Nobody listening is no failure of the build; here and below.
    let (files, bytes) = (listing.files.len() as u64, listing.bytes);
    let _ = updates.send(BuildUpdate::Source { files, bytes, rev: listing.rev.to_string() }).await;
    if let FoundBy::Walk(why) = &listing.found_by {
        let _ = updates.send(BuildUpdate::Note(format!("everything in the tree is pushed: {why}"))).await;
    }
    go_on(&cancel)?;
    let loading = Loading { host: &job.host, tree: &job.tree_file.config, files: &job.plugins, kept: &job.kept };
    let registry = load(loading).await?;
    let ground = PoolGround { host: &job.host, kept: &job.kept, helpers: job.helpers, survival: None };
    let machines = machines(&job.pool, ground, &registry).await?;
    for note in &machines.notes {
        let _ = updates.send(BuildUpdate::Note(note.clone())).await;
    }
    let result = submit(&job, &registry, listing, &machines, &updates, &cancel).await;
    // Whatever happened: no machine is left behind.
    machines.pool.shutdown().await;
    result
}

async fn submit(
    job: &BuildJob,
    registry: &PluginRegistry,
    listing: Arc<SourceListing>,
    machines: &Machines,
    updates: &Sender<BuildUpdate>,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    check_sections(job, registry)?;
    // A tree of one's own is tried: nobody merged it.
    let purpose = Purpose::TryBuild;
    let subject = Subject { listing, purpose, version: None, local: machines.local, in_place: true };
    let outline = outline(job, registry, subject).await?;
    go_on(cancel)?;
    let Stores { store, epoch, blobs } = stores(job).await?;
    if let Some(note) = tidy(job, &blobs).await {
        let _ = updates.send(BuildUpdate::Note(note)).await;
    }
    let build = store.next_build().await.context("failed to number the build")?;
    let spec = outline.spec(job, build, machines.pool.as_ref(), &store).await?;
    let ground = Ground {
        pool: Arc::clone(&machines.pool),
        blobs,
        output_dir: job.kept.state.join("output"),
        domain: TrustDomain::Trusted,
        updates: updates.clone(),
    };
    let setup = outline.setup(job, ground);
    let resources = Resources { store: store.clone(), epoch: epoch.clone(), logs: None, jobs: Arc::new(NoOthers) };
    let coordinator = Coordinator::start(CoordinatorConfig::default(), resources);
    let coordinator = coordinator.await.context("failed to start the coordinator")?;
    let new = NewBuild { spec, submission: String::new(), request: None, job: Some(setup) };
    let finished = coordinator.run(new);
    tokio::pin!(finished);
    let finished = tokio::select! {
        // In this order, since a build must be submitted before it can be canceled.
        biased;
        finished = &mut finished => finished,
        () = cancel.cancelled() => {
            coordinator.cancel(build, INTERRUPTED).await;
            finished.await
        }
    };
    let retired = store.retire_epoch(&epoch).await;
    store.close().await;
    finished.context("failed to finish the build")?;
    retired.context("failed to give up the right to write records")
}

/// Nothing is begun for a build that was canceled already.
fn go_on(cancel: &CancellationToken) -> anyhow::Result<()> {
    anyhow::ensure!(!cancel.is_cancelled(), INTERRUPTED);
    Ok(())
}

/// There are no builds but the one that comes with its job.
struct NoOthers;

#[async_trait]
impl JobSource for NoOthers {
    async fn job(&self, spec: &BuildSpec, _submission: &str) -> Result<JobSetup, ExecFailure> {
        Err(ExecFailure::new(ExecFailureKind::Other, format!("build {} is not this command's", spec.build)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::args::{BuildArgs, GlobalArgs};
    use crate::config::find::Folders;

    #[tokio::test]
    async fn what_is_canceled_at_the_start_is_not_begun() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::from_lookup(|name| (name == "HOME").then(|| home.path().into()));
        let mut args = BuildArgs::default();
        args.wanted.path = home.path().join("app");
        std::fs::create_dir(&args.wanted.path).unwrap();
        let job = BuildJob::gather(&GlobalArgs::default(), &args, &folders).unwrap();
        let (updates, _shown) = tokio::sync::mpsc::channel(16);
        let cancel = CancellationToken::new();
        cancel.cancel();
        let error = run(job, updates, cancel).await.unwrap_err();
        assert_eq!(error.to_string(), INTERRUPTED);
        assert!(!home.path().join(".local").exists(), "nothing is kept of it");
    }
}
