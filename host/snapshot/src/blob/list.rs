//! What lies in a store: its blobs listed, and what killed processes left removed.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{ObjectMeta, path::Path};

use super::{
    key::BlobKey,
    record::{BlobMeta, is_suffix},
    store::{BlobStore, RECORD_SUFFIX},
};
use crate::{
    error::{BlobAction, BlobError},
    walk::{Descend, WalkError, walk},
};

/// Records read at the same time while listing.
const LIST_CONCURRENCY: usize = 8;

impl BlobStore {
    /// All blobs below `prefix` (whole parts of a key, or empty for all), in no order.
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<BlobMeta, BlobError>> {
        let store = self.clone();
        self.list_all(prefix)
            .try_filter_map(|(name, _)| async move {
                let key = name.strip_suffix(RECORD_SUFFIX);
                Ok(key.and_then(|key| BlobKey::new(key).ok()))
            })
            .map(move |key| {
                let store = store.clone();
                async move { store.head(&key?).await }
            })
            .buffer_unordered(LIST_CONCURRENCY)
            // A record deleted meanwhile is no longer there.
            .try_filter_map(|meta| async move { Ok(meta) })
            .boxed()
    }

    /// Removes content below `prefix` that no record names and that is older than `older_than`: what killed processes
    /// left. Takes the age long enough for the slowest upload. Returns how many objects were removed.
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked.
    pub async fn sweep(&self, prefix: &str, older_than: Duration) -> Result<u64, BlobError> {
        let now = SystemTime::now();
        let mut removed = self.sweep_staged(older_than).await?;
        let mut objects = self.list_all(prefix);
        while let Some((name, object)) = objects.try_next().await? {
            let Some((key, suffix)) = name.rsplit_once('.') else {
                continue;
            };
            let age = now.duration_since(object.last_modified.into()).unwrap_or_default();
            let Ok(key) = BlobKey::new(key) else {
                continue;
            };
            if !is_suffix(suffix) || age < older_than {
                continue;
            }
            let current = self.head(&key).await?;
            if current.is_none_or(|meta| meta.suffix != suffix) {
                self.delete_at(&key, &object.location).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// All objects below a prefix, with their names relative to the store's own prefix.
    pub(super) fn list_all(&self, prefix: &str) -> BoxStream<'static, Result<(String, ObjectMeta), BlobError>> {
        let below = self.path(prefix);
        let own = if self.prefix.is_empty() { String::new() } else { format!("{}/", Path::from(self.prefix.as_str())) };
        let name = Arc::clone(&self.name);
        let prefix = prefix.to_owned();
        self.objects
            .list(Some(&below))
            .map(move |object| match object {
                Ok(object) => {
                    let whole = object.location.as_ref();
                    let relative = whole.strip_prefix(&own).unwrap_or(whole).to_owned();
                    Ok((relative, object))
                }
                Err(error) => Err(BlobError::access(BlobAction::List, &name, &prefix, error)),
            })
            .boxed()
    }

    /// Removes half-written files of a local store, which `object_store` names `<name>#<number>` and never lists.
    async fn sweep_staged(&self, older_than: Duration) -> Result<u64, BlobError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(0);
        };
        let failed = |folder: PathBuf| move |source| BlobError::Folder { folder, source };
        tokio::task::spawn_blocking(move || remove_staged(&folder, older_than).map_err(failed(folder))).await.map_err(
            |error| BlobError::Folder { folder: self.folder.clone().unwrap_or_default(), source: error.into() },
        )?
    }
}

fn remove_staged(folder: &std::path::Path, older_than: Duration) -> std::io::Result<u64> {
    let now = SystemTime::now();
    let root = std::fs::File::open(folder)?;
    let mut removed = 0;
    let walked = walk(std::os::fd::AsFd::as_fd(&root), |met| {
        let staged = met
            .path
            .to_str()
            .and_then(|path| path.rsplit_once('#'))
            .is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit()));
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(met.stat.st_mtime).unwrap_or(0));
        let age = now.duration_since(modified).unwrap_or_default();
        if staged && met.kind == rustix::fs::FileType::RegularFile && age >= older_than {
            rustix::fs::unlinkat(met.parent, met.name, rustix::fs::AtFlags::empty())?;
            removed += 1;
        }
        Ok::<_, std::io::Error>(Descend::Yes)
    });
    match walked {
        Ok(()) => Ok(removed),
        Err(WalkError::Read { source, .. } | WalkError::Visitor(source)) => Err(source),
        Err(WalkError::TooDeep { path }) => {
            Err(std::io::Error::other(format!("`{}` is nested too deeply", path.display())))
        }
    }
}
