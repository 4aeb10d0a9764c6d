//! The trees of submitted builds: uploaded as archives under their digests, and unpacked once where builds need them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use pool::owned::remove_tree;
use snapshot::archive::{ExtractOptions, Limits};
use snapshot::blob::{BlobKey, BlobStore};
use snapshot::source::SourceListing;
use tokio::sync::Mutex;
use tokio_util::io::SyncIoBridge;

/// The most bytes of one unpacked tree.
const MAX_TREE_BYTES: u64 = 64 << 30;

/// Unpacked trees.
pub(super) struct Trees {
    folder: PathBuf,
    blobs: BlobStore,
    /// One is unpacked at a time: two builds of one tree need it once.
    unpacking: Mutex<()>,
    /// When each was last asked for: a build may be planned, or made, that no record names yet.
    used: std::sync::Mutex<BTreeMap<String, Instant>>,
}

/// A tree that was asked for within this time stays.
const IN_USE: Duration = Duration::from_secs(3600);

impl Trees {
    /// In a folder of the state's own.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn open(folder: PathBuf, blobs: BlobStore) -> anyhow::Result<Trees> {
        std::fs::create_dir_all(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
        Ok(Trees { folder, blobs, unpacking: Mutex::default(), used: std::sync::Mutex::default() })
    }

    /// The unpacked tree of this archive, as it is pushed.
    ///
    /// # Errors
    /// It was not uploaded, is no archive, or there is no room for it.
    pub(super) async fn listing(&self, digest: &str) -> anyhow::Result<Arc<SourceListing>> {
        let folder = self.unpacked(digest).await?;
        let listed = tokio::task::spawn_blocking(move || snapshot::source::list(&folder)).await;
        Ok(Arc::new(listed.context("listing a tree panicked")?.context("failed to list a submitted tree")?))
    }

    async fn unpacked(&self, digest: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(hex(digest)?);
        let _one = self.unpacking.lock().await;
        self.used().insert(hex(digest)?, Instant::now());
        if tokio::fs::try_exists(&folder).await? {
            return Ok(folder);
        }
        let reader = self.blobs.get(&key(digest)?).await.context("failed to read a submitted tree")?;
        let unpacking = self.folder.join(format!(".{}", hex(digest)?));
        let (into, whole) = (unpacking.clone(), folder.clone());
        let reader = SyncIoBridge::new(reader.into_async_read());
        let unpacked = tokio::task::spawn_blocking(move || {
            remove_tree(&into)?;
            std::fs::create_dir(&into)?;
            let limits = Limits { bytes: MAX_TREE_BYTES, ..Limits::default() };
            let options = ExtractOptions { limits, ..ExtractOptions::default() };
            snapshot::archive::extract(reader, &into, &options)?;
            // Whoever finds it under its name finds all of it.
            std::fs::rename(&into, &whole)?;
            anyhow::Ok(())
        });
        unpacked.await.context("unpacking a tree panicked")?.context("failed to unpack a submitted tree")?;
        Ok(folder)
    }

    fn used(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Instant>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the unpacked trees that none of these digests names and nobody asked for lately.
    pub(super) async fn keep_only(&self, digests: &BTreeSet<String>) -> anyhow::Result<()> {
        let _one = self.unpacking.lock().await;
        let mut keep: BTreeSet<String> = digests.iter().filter_map(|digest| hex(digest).ok()).collect();
        self.used().retain(|_, at| at.elapsed() < IN_USE);
        keep.extend(self.used().keys().cloned());
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || remove_others(&folder, &keep)).await.context("tidying panicked")?
    }
}

fn remove_others(folder: &Path, keep: &BTreeSet<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| keep.contains(name)) {
            remove_tree(&entry.path()).with_context(|| format!("failed to remove `{}`", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Under which name the archive of a tree is kept.
///
/// # Errors
/// It is no digest.
pub(super) fn key(digest: &str) -> anyhow::Result<BlobKey> {
    BlobKey::new(format!("trees/{}", hex(digest)?)).context("failed to name a tree")
}

fn hex(digest: &str) -> anyhow::Result<String> {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    anyhow::ensure!(hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()), "`{digest}` is no digest");
    Ok(hex.to_ascii_lowercase())
}
