//! Keeps a store within bounds: blobs that nobody used for long go, and then those used longest ago.
//!
//! That a blob is used is noted by an empty object `<key>.used`, whose time is that of the last use: a record is written
//! once, so that no note can bring back what was replaced meanwhile.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use futures::TryStreamExt as _;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::{key::BlobKey, record::is_suffix, store::BlobStore};
use crate::error::{BlobAction, BlobError};

/// Ends the name of the object that says when a blob was used last.
pub(super) const USED_SUFFIX: &str = ".used";

/// What a store may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes of all blobs together; those used longest ago go first.
    pub bytes: Option<u64>,
    /// Blobs that were not used for this long go.
    pub age: Option<Duration>,
    /// What was used within this time stays, whatever the bounds: a build may be using it.
    pub spare: Duration,
}

/// What was removed, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Blobs removed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects removed that belonged to no blob: what killed processes left.
    pub leftovers: u64,
    /// Bytes of the blobs that stay.
    pub left: u64,
}

/// All objects of one key together.
#[derive(Default)]
struct Found {
    bytes: u64,
    used: Option<SystemTime>,
    /// Ends of the names of its contents: more than one where a writer was killed.
    suffixes: Vec<String>,
}

impl BlobStore {
    /// Notes that a blob is used, so that it is not taken for one that nobody needs.
    ///
    /// # Errors
    ///
    /// Where the store refuses.
    pub async fn mark_used(&self, key: &BlobKey) -> Result<(), BlobError> {
        let put = self.objects.put(&self.used_path(key), PutPayload::new()).await;
        put.map(drop).map_err(|error| self.failed(BlobAction::Write, key, error))
    }

    /// Removes what is left of killed processes, then blobs until the bounds hold.
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked, or refuses.
    pub async fn prune(&self, bounds: &Bounds) -> Result<Pruned, BlobError> {
        let leftovers = self.sweep("", bounds.spare).await?;
        let found = self.find_all().await?;
        let (beyond, pruned) = beyond(&found, bounds);
        for key in beyond {
            self.delete_found(key, &found[key]).await?;
        }
        Ok(Pruned { leftovers, ..pruned })
    }

    /// What [`prune`](BlobStore::prune) would remove of blobs, which it does not; leftovers are not counted.
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked.
    pub async fn prunable(&self, bounds: &Bounds) -> Result<Pruned, BlobError> {
        Ok(beyond(&self.find_all().await?, bounds).1)
    }

    /// Deletes all objects of a key, the record first, and whatever is in it.
    async fn delete_found(&self, key: &BlobKey, found: &Found) -> Result<(), BlobError> {
        self.delete_at(key, &self.record_path(key)).await?;
        for suffix in &found.suffixes {
            self.delete_at(key, &self.content_path(key, suffix)).await?;
        }
        self.delete_at(key, &self.used_path(key)).await
    }

    /// Every key with the size of its content and its last use: when anything of it was written last.
    async fn find_all(&self) -> Result<BTreeMap<BlobKey, Found>, BlobError> {
        let mut found: BTreeMap<BlobKey, Found> = BTreeMap::new();
        let mut objects = self.list_all("");
        while let Some((name, object)) = objects.try_next().await? {
            let Some((key, suffix)) = name.rsplit_once('.') else { continue };
            let Ok(key) = BlobKey::new(key) else { continue };
            if !(is_suffix(suffix) || matches!(suffix, "record" | "used")) {
                continue;
            }
            let entry = found.entry(key).or_default();
            if is_suffix(suffix) {
                entry.bytes += object.size;
                entry.suffixes.push(suffix.to_owned());
            }
            entry.used = entry.used.max(Some(object.last_modified.into()));
        }
        Ok(found)
    }
}

/// The keys that go, those used longest ago first.
fn beyond<'a>(found: &'a BTreeMap<BlobKey, Found>, bounds: &Bounds) -> (Vec<&'a BlobKey>, Pruned) {
    let now = SystemTime::now();
    let mut pruned = Pruned { left: found.values().map(|found| found.bytes).sum(), ..Pruned::default() };
    // A clock that was set back makes things new, never old.
    let age = |found: &Found| found.used.map_or(Duration::ZERO, |used| now.duration_since(used).unwrap_or_default());
    let mut oldest: Vec<(Duration, &BlobKey, u64)> =
        found.iter().map(|(key, found)| (age(found), key, found.bytes)).collect();
    oldest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut keys = Vec::new();
    for (age, key, bytes) in oldest {
        let too_old = bounds.age.is_some_and(|most| age > most);
        let too_many = bounds.bytes.is_some_and(|most| pruned.left > most);
        if age < bounds.spare || !(too_old || too_many) {
            break;
        }
        keys.push(key);
        pruned.blobs += 1;
        pruned.bytes += bytes;
        pruned.left -= bytes;
    }
    (keys, pruned)
}
