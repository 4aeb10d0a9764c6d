//! Snapshots: sought, and saved while helpers that wait get them from the same stream.

use std::io;
use std::sync::Mutex;
use std::time::SystemTime;

use engine::{ExecFailure, ExecFailureKind, LeaseId, SnapshotInfo};
use futures::StreamExt as _;
use snapshot::BlobError;
use snapshot::archive::Compression;
use snapshot::blob::{BlobKey, BlobMeta, PutMode};
use snapshot::fanout::{Branch, Fanout};
use tokio::sync::watch;

use super::{Context, called_back};
use crate::error::chain;
use crate::lease::call_failure;
use crate::view::BuildUpdate;

/// What a blob that holds a tree is called in its record.
const KIND: &str = "snapshot";

/// Where helpers get the tree from while it is being saved.
pub(crate) struct SnapshotFeed {
    gathering: Mutex<Option<Fanout>>,
    saved: watch::Sender<Saved>,
}

/// What became of the save.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Saved {
    /// None is under way: what there is, is in the store.
    Idle,
    /// It is under way.
    Saving,
    /// It failed.
    Failed(ExecFailure),
}

impl Default for SnapshotFeed {
    fn default() -> SnapshotFeed {
        SnapshotFeed { gathering: Mutex::new(None), saved: watch::Sender::new(Saved::Idle) }
    }
}

impl SnapshotFeed {
    /// Helpers may join from now on. Called when the effect is ordered, before those of the helpers are.
    pub(crate) fn open(&self) {
        self.saved.send_replace(Saved::Saving);
        *self.lock() = Some(Fanout::default());
    }

    /// A branch of the stream, for a helper that comes before it starts.
    pub(super) fn branch(&self) -> Option<Branch> {
        self.lock().as_mut().map(Fanout::branch)
    }

    /// Waits until the store has what is being saved.
    pub(super) async fn saved(&self) -> Result<(), ExecFailure> {
        let mut saved = self.saved.subscribe();
        let done = saved.wait_for(|saved| *saved != Saved::Saving).await;
        match done.map(|saved| saved.clone()) {
            Ok(Saved::Failed(failure)) => Err(failure),
            Ok(Saved::Idle | Saved::Saving) | Err(_) => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Fanout>> {
        self.gathering.lock().expect("no holder of this lock can panic")
    }
}

/// A failure of the blob store, as the engine knows it.
pub(super) fn store_failure(error: &BlobError) -> ExecFailure {
    let kind = if error.is_disk_full() { ExecFailureKind::DiskFull } else { ExecFailureKind::Store };
    ExecFailure::new(kind, chain(error))
}

/// The blob's name: it says how it is packed.
pub(super) fn extension(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "tar",
        Compression::Gzip => "tar.gz",
        Compression::Zstd => "tar.zst",
    }
}

/// Looks for a whole snapshot under the names this build may read.
pub(super) async fn find(context: &Context) -> Result<Option<SnapshotInfo>, ExecFailure> {
    let job = &context.job;
    let keys = job.key.read_keys(extension(job.compression)).map_err(|error| key_failure(&error))?;
    for key in keys {
        if let Some(meta) = job.blobs.head(&key).await.map_err(|error| store_failure(&error))? {
            if let Err(error) = job.blobs.mark_used(&key).await {
                tracing::warn!(%error, "a snapshot that is used may be taken for one that is not");
            }
            return Ok(Some(info(&meta)));
        }
    }
    Ok(None)
}

fn key_failure(error: &snapshot::KeyError) -> ExecFailure {
    ExecFailure::new(ExecFailureKind::Other, format!("name the snapshot: {error}"))
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
    *feed.lock() = None;
    feed.saved.send_replace(match &saved {
        Ok(_) => Saved::Idle,
        Err(failure) => Saved::Failed(failure.clone()),
    });
    saved.map(|meta| info(&meta))
}

async fn stream(context: &Context, lease: LeaseId) -> Result<BlobMeta, ExecFailure> {
    let job = &context.job;
    let leased = job.leases.get(lease)?;
    let key: BlobKey = job.key.write_key(extension(job.compression)).map_err(|error| key_failure(&error))?;
    let archive = leased.client.get_archive(&job.config.root, job.compression).await;
    let archive = archive.map_err(|failure| call_failure(&failure))?;
    let writer = job.blobs.put(&key, KIND, PutMode::Replace).await.map_err(|error| store_failure(&error))?;
    let fanout = job.feed.lock().take().unwrap_or_default();
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
    let reused = BuildUpdate::Snapshot { reused: false, age: std::time::Duration::ZERO, bytes: meta.length };
    job.tell(reused).await;
    Ok(meta)
}
