//! The made tree on a machine: cloned, from the stream that saves it, or from the store. A partial tree is wiped, never
//! run.

use std::io;
use std::time::{Duration, Instant};

use engine::{ExecFailure, ExecFailureKind, LeaseId};
use futures::TryStreamExt as _;
use snapshot::archive::Compression;
use snapshot::fanout::{Branch, BranchEnd};

use super::feed::Original;
use super::{Context, called_back, clone, repack, save};
use crate::effects::acquire::tell;
use crate::lease::{Leased, call_failure};
use crate::view::{BuildUpdate, BuildletState, TreeWay};

pub(super) async fn set_up(context: &Context, lease: LeaseId) -> Result<(), ExecFailure> {
    // Taken before anything else: the save waits for it.
    let original = context.job.feed.original(lease);
    let leased = context.job.leases.get(lease)?;
    tell(context, &leased, BuildletState::SettingUp).await;
    let bring = tokio::select! {
        bring = bring(context, &leased, original) => bring,
        () = context.cancel.cancelled() => Err(called_back()),
    };
    if bring.is_ok() {
        tell(context, &leased, BuildletState::Idle).await;
    }
    bring
}

async fn bring(context: &Context, leased: &Leased, original: Option<Original>) -> Result<(), ExecFailure> {
    if leased.adopted {
        // Nobody knows how much of it came in the coordinator's earlier life.
        wipe(context, leased).await?;
    }
    if let Some(original) = original
        && clone::clone(context, leased, original).await?
    {
        return Ok(());
    }
    let began = Instant::now();
    if let Some((branch, compression)) = context.job.feed.branch(|compression| takes(leased, compression))
        && from_stream(context, leased, branch, compression).await?
    {
        brought(context, leased, TreeWay::Stream, began.elapsed()).await;
        return Ok(());
    }
    context.job.feed.saved().await?;
    let began = Instant::now();
    from_store(context, leased).await?;
    brought(context, leased, TreeWay::Store, began.elapsed()).await;
    Ok(())
}

/// Tells that the whole tree is on a machine.
pub(super) async fn brought(context: &Context, leased: &Leased, way: TreeWay, took: Duration) {
    context.job.tell(BuildUpdate::Tree { buildlet: leased.machine.name.clone(), way, took }).await;
}

/// Whether a machine unpacks this.
fn takes(leased: &Leased, compression: Compression) -> bool {
    compression == Compression::Gzip || leased.client.extensions().is_some()
}

/// True if the tree is whole; false if the machine was too slow for the stream and starts again from the store.
async fn from_stream(
    context: &Context,
    leased: &Leased,
    branch: Branch,
    compression: Compression,
) -> Result<bool, ExecFailure> {
    let (ended, end) = tokio::sync::oneshot::channel();
    let state = Some((branch, ended));
    // The last item comes only when the blob is committed: before that the machine has bytes, not a snapshot.
    let chunks = futures::stream::unfold(state, async |state| {
        let (mut branch, ended) = state?;
        if let Some(chunk) = branch.next().await {
            return Some((Ok(chunk), Some((branch, ended))));
        }
        let end = branch.end().await;
        let failed = !matches!(end, BranchEnd::Complete(_));
        let _ = ended.send(end);
        failed.then(|| (Err(io::Error::other("the stream was given up")), None))
    });
    let sent = leased.client.put_archive(Box::pin(chunks), &context.job.config.root, compression).await;
    match end.await {
        Ok(BranchEnd::Complete(_)) => sent.map(|()| true).map_err(|failure| call_failure(&failure)),
        Ok(BranchEnd::Lagged | BranchEnd::Failed(_)) | Err(_) => {
            wipe(context, leased).await?;
            Ok(false)
        }
    }
}

/// Removes what there is of a tree.
pub(super) async fn wipe(context: &Context, leased: &Leased) -> Result<(), ExecFailure> {
    leased.client.remove_all(&[&context.job.config.root]).await.map_err(|failure| call_failure(&failure))
}

async fn from_store(context: &Context, leased: &Leased) -> Result<(), ExecFailure> {
    let job = &context.job;
    let gone = || ExecFailure::new(ExecFailureKind::Store, "the snapshot is no longer in the store");
    if job.stored_snapshot().is_none() {
        save::find(context).await?;
    }
    let stored = job.stored_snapshot().ok_or_else(gone)?;
    let stored = if takes(leased, stored.compression) { stored } else { repack::gzip_of(job, &stored).await? };
    let reader = match job.blobs.get(&stored.key).await {
        Ok(reader) => reader,
        Err(snapshot::BlobError::NotFound { .. }) => return Err(gone()),
        Err(error) => return Err(save::store_failure(&error)),
    };
    let sent = leased.client.put_archive(reader.map_err(io::Error::other), &job.config.root, stored.compression);
    let Err(failure) = sent.await else { return Ok(()) };
    wipe(context, leased).await?;
    Err(call_failure(&failure))
}
