//! All streams of a build, their sizes, and their removal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use futures::{StreamExt as _, TryStreamExt as _};
use snapshot::BlobError;
use snapshot::blob::{BlobKey, ObjectInfo};

use crate::load::missing;
use crate::names::{ROOT, StreamId, build_prefix, parse};
use crate::state::Stream;
use crate::{LogError, LogStore};

/// Requests under way at once where there is one for each stream or segment.
const CONCURRENCY: usize = 16;

/// A stream of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its name.
    pub name: String,
    /// Its length so far, what is not durable included.
    pub bytes: u64,
    /// Nothing will be added.
    pub finished: bool,
}

/// What the logs of one build take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildLogs {
    /// Which.
    pub build: u64,
    /// Bytes in the blob store; compressed, they are fewer than those of its streams.
    pub stored: u64,
    /// When its last segment was written.
    pub newest: SystemTime,
}

impl LogStore {
    /// The streams of a build, by name.
    ///
    /// # Errors
    /// If the last segment of one is damaged, or the blob store fails.
    pub async fn streams(&self, build: u64) -> Result<Vec<StreamInfo>, LogError> {
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for object in self.objects(build).await? {
            if let Some((_, name, offset)) = parse(&object.key) {
                let last = last.entry(name).or_insert(offset);
                *last = offset.max(*last);
            }
        }
        let mut infos: BTreeMap<String, StreamInfo> = futures::stream::iter(last)
            .map(|(name, offset)| async move {
                let id = StreamId::new(build, &name)?;
                let head = self.head(&id, offset).await?.ok_or_else(|| missing(&id, offset))?;
                Ok((name.clone(), StreamInfo { name, bytes: head.end(), finished: head.last }))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        for stream in self.known().of(build) {
            let state = stream.state();
            if state.session.is_some() {
                let name = stream.id.name.to_string();
                let info = StreamInfo { name: name.clone(), bytes: state.end(), finished: state.finished };
                infos.insert(name, info);
            }
        }
        Ok(infos.into_values().collect())
    }

    /// The bytes that the logs of a build take in the blob store.
    ///
    /// # Errors
    /// If the blob store fails.
    pub async fn bytes(&self, build: u64) -> Result<u64, LogError> {
        Ok(self.objects(build).await?.iter().map(|object| object.bytes).sum())
    }

    /// Every build that has logs, by number. It lists all segments.
    ///
    /// # Errors
    /// If the blob store fails.
    pub async fn builds(&self) -> Result<Vec<BuildLogs>, LogError> {
        let failed = failed("list", || "all builds".to_owned());
        let mut builds: BTreeMap<u64, BuildLogs> = BTreeMap::new();
        let mut objects = self.inner.blobs.list_objects(ROOT);
        while let Some(object) = objects.try_next().await.map_err(&failed)? {
            let Some((build, _, _)) = parse(&object.key) else { continue };
            let logs = builds.entry(build).or_insert(BuildLogs { build, stored: 0, newest: object.created });
            logs.stored += object.bytes;
            logs.newest = logs.newest.max(object.created);
        }
        Ok(builds.into_values().collect())
    }

    /// Removes all streams of a build. Where it fails it is done again; what is left of a stream is its beginning.
    ///
    /// # Errors
    /// If one is being written by this process, or the blob store fails.
    pub async fn remove(&self, build: u64) -> Result<(), LogError> {
        {
            let mut known = self.known();
            let is_written = |stream: &Arc<Stream>| {
                let state = stream.state();
                state.session.is_some() && !state.finished
            };
            let written = known.of(build).into_iter().find(is_written);
            if let Some(stream) = written {
                return Err(LogError::Busy { stream: stream.id.clone() });
            }
            known.forget(build);
        }
        let mut keys: Vec<BlobKey> = self.objects(build).await?.into_iter().map(|object| object.key).collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        let deletions = keys.iter().map(|key| self.inner.blobs.delete_object(key));
        let removed = futures::stream::iter(deletions).buffered(CONCURRENCY).try_collect::<()>().await;
        removed.map_err(failed("remove", || format!("build {build}")))
    }

    async fn objects(&self, build: u64) -> Result<Vec<ObjectInfo>, LogError> {
        let listed = self.inner.blobs.list_objects(&build_prefix(build)).try_collect().await;
        listed.map_err(failed("list", || format!("build {build}")))
    }
}

fn failed(action: &'static str, what: impl Fn() -> String) -> impl Fn(BlobError) -> LogError {
    move |source| LogError::Manage { action, what: what(), source: Arc::new(source) }
}
