//! Snapshots: sought, and saved while helpers that wait get them from the same stream.

use std::io;
use std::time::{Duration, SystemTime};

use engine::{ExecFailure, ExecFailureKind, LeaseId, SnapshotInfo};
use futures::StreamExt as _;
use snapshot::BlobError;
use snapshot::archive::Compression;
use snapshot::blob::{BlobKey, BlobMeta, PutMode};

use super::{Context, called_back};
use crate::error::chain;
use crate::job::{Job, Stored};
use crate::lease::{Leased, call_failure};
use crate::view::BuildUpdate;

/// What a blob that holds a tree is called in its record.
const KIND: &str = "snapshot";

/// Every form that a tree may be stored in.
const FORMS: [Compression; 3] = [Compression::None, Compression::Zstd, Compression::Gzip];

/// A failure of the blob store, as the engine knows it.
pub(super) fn store_failure(error: &BlobError) -> ExecFailure {
    let kind = if error.is_disk_full() { ExecFailureKind::DiskFull } else { ExecFailureKind::Store };
    ExecFailure::new(kind, chain(error))
}

pub(super) fn key_failure(error: &snapshot::KeyError) -> ExecFailure {
    ExecFailure::new(ExecFailureKind::Other, format!("name the snapshot: {error}"))
}

/// How this machine packs the tree: as the build wants it, and gzip where it knows nothing else.
pub(crate) fn compression_of(job: &Job, main: &Leased) -> Compression {
    if main.client.extensions().is_some() { job.compression } else { Compression::Gzip }
}

/// Looks for a whole snapshot under the names this build may read. What an unmerged change made itself goes before what
/// others made; of one maker's, the newest goes before the same tree in another form.
pub(super) async fn find(context: &Context) -> Result<Option<SnapshotInfo>, ExecFailure> {
    let job = &context.job;
    let forms = FORMS.map(|form| job.key.read_keys(form.extension()).map(|keys| (form, keys)));
    let forms: Vec<_> = forms.into_iter().collect::<Result<_, _>>().map_err(|error| key_failure(&error))?;
    let makers = forms.first().map_or(0, |(_, keys)| keys.len());
    for maker in 0..makers {
        let mut newest: Option<(BlobMeta, Compression)> = None;
        for (form, keys) in &forms {
            let Some(meta) = job.blobs.head(&keys[maker]).await.map_err(|error| store_failure(&error))? else {
                continue;
            };
            if newest.as_ref().is_none_or(|(known, _)| known.created_at < meta.created_at) {
                newest = Some((meta, *form));
            }
        }
        if let Some((meta, compression)) = newest {
            let info = info(&meta);
            if let Err(error) = job.blobs.mark_used(&meta.key).await {
                tracing::warn!(%error, "a snapshot that is used may be taken for one that is not");
            }
            job.keep_snapshot(Stored { key: meta.key, compression, digest: meta.sha256 });
            job.feed.found();
            return Ok(Some(info));
        }
    }
    Ok(None)
}

fn info(meta: &BlobMeta) -> SnapshotInfo {
    SnapshotInfo {
        key: meta.key.as_str().to_owned(),
        bytes: meta.length,
        digest: format!("sha256:{}", meta.sha256),
        age: meta.age(SystemTime::now()),
    }
}

/// Packs the tree on the main buildlet into the store, and into the helpers that wait.
pub(super) async fn save(context: &Context, lease: LeaseId) -> Result<SnapshotInfo, ExecFailure> {
    let feed = &context.job.feed;
    let saved = tokio::select! {
        saved = stream(context, lease) => saved,
        () = context.cancel.cancelled() => Err(called_back()),
    };
    if saved.is_ok() {
        // What comes next on the main buildlet may write into the tree that is being cloned.
        tokio::select! {
            () = feed.wait_for_readers() => {}
            () = context.cancel.cancelled() => {}
        }
    }
    feed.close(saved.as_ref().map(drop).map_err(Clone::clone));
    saved.map(|meta| info(&meta))
}

async fn stream(context: &Context, lease: LeaseId) -> Result<BlobMeta, ExecFailure> {
    let job = &context.job;
    let leased = job.leases.get(lease)?;
    let compression = compression_of(job, &leased);
    let key: BlobKey = job.key.write_key(compression.extension()).map_err(|error| key_failure(&error))?;
    let archive = leased.client.get_archive(&job.config.root, compression).await;
    let archive = archive.map_err(|failure| call_failure(&failure))?;
    let writer = job.blobs.put(&key, KIND, PutMode::Replace).await.map_err(|error| store_failure(&error))?;
    let fanout = job.feed.start();
    let mut broken = None;
    let chunks = archive.map(|chunk| {
        chunk.map_err(|failure| {
            broken = Some(call_failure(&failure));
            io::Error::other(failure)
        })
    });
    let run = fanout.run(chunks, writer).await;
    let meta = run.map_err(|error| store_failure(&error));
    let meta = broken.map_or(meta, Err)?;
    job.keep_snapshot(Stored { key: meta.key.clone(), compression, digest: meta.sha256 });
    let made = BuildUpdate::Snapshot { reused: false, age: Duration::ZERO, bytes: meta.length };
    job.tell(made).await;
    Ok(meta)
}
