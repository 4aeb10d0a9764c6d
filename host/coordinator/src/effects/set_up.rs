//! The made tree on a machine: from the stream that saves it, or from the store. A partial tree is wiped, never run.

use std::io;

use engine::{ExecFailure, ExecFailureKind, LeaseId};
use futures::TryStreamExt as _;
use snapshot::archive::Compression;
use snapshot::fanout::{Branch, BranchEnd};

use super::{Context, called_back, save};
use crate::effects::acquire::tell;
use crate::lease::{Leased, call_failure};
use crate::view::BuildletState;

pub(super) async fn set_up(context: &Context, lease: LeaseId) -> Result<(), ExecFailure> {
    let leased = context.job.leases.get(lease)?;
    tell(context, &leased, BuildletState::SettingUp).await;
    let bring = async {
        let streamed = match context.job.feed.branch() {
            Some(branch) => from_stream(context, &leased, branch).await?,
            None => false,
        };
        if !streamed {
            context.job.feed.saved().await?;
            from_store(context, &leased).await?;
        }
        Ok(())
    };
    let brought = tokio::select! {
        brought = bring => brought,
        () = context.cancel.cancelled() => Err(called_back()),
    };
    if brought.is_ok() {
        tell(context, &leased, BuildletState::Idle).await;
    }
    brought
}

/// True if the tree is whole; false if the machine was too slow for the stream and starts again from the store.
async fn from_stream(context: &Context, leased: &Leased, branch: Branch) -> Result<bool, ExecFailure> {
    let job = &context.job;
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
    let sent = leased.client.put_archive(Box::pin(chunks), &job.config.root, job.compression).await;
    match end.await {
        Ok(BranchEnd::Complete(_)) => sent.map(|()| true).map_err(|failure| call_failure(&failure)),
        Ok(BranchEnd::Lagged | BranchEnd::Failed(_)) | Err(_) => {
            wipe(context, leased).await?;
            Ok(false)
        }
    }
}

async fn wipe(context: &Context, leased: &Leased) -> Result<(), ExecFailure> {
    leased.client.remove_all(&[&context.job.config.root]).await.map_err(|failure| call_failure(&failure))
}

async fn from_store(context: &Context, leased: &Leased) -> Result<(), ExecFailure> {
    let job = &context.job;
    let known = leased.client.extensions().is_some();
    if !known && job.compression != Compression::Gzip {
        let detail = format!("{} is no Muster buildlet and takes only gzip snapshots", leased.machine.name);
        return Err(ExecFailure::new(ExecFailureKind::Refused, detail));
    }
    let keys = job.key.read_keys(save::extension(job.compression));
    let keys = keys.map_err(|error| ExecFailure::new(ExecFailureKind::Other, error.to_string()))?;
    for key in keys {
        match job.blobs.get(&key).await {
            Ok(reader) => {
                let sent =
                    leased.client.put_archive(reader.map_err(io::Error::other), &job.config.root, job.compression);
                let Err(failure) = sent.await else { return Ok(()) };
                wipe(context, leased).await?;
                return Err(call_failure(&failure));
            }
            Err(snapshot::BlobError::NotFound { .. }) => {}
            Err(error) => return Err(save::store_failure(&error)),
        }
    }
    Err(ExecFailure::new(ExecFailureKind::Store, "the snapshot is no longer in the store"))
}
