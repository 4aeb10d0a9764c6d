//! The store itself: head, get, delete, list, sweep and signed URLs.

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, path::Path, signer::Signer};
use url::Url;

use super::{
    key::BlobKey,
    open::{BlobOptions, open},
    prune::USED_SUFFIX,
    reader::BlobReader,
    record::{BlobMeta, decode, is_suffix},
    writer::{BlobWriter, PutMode},
};
use crate::{
    error::{BlobAction, BlobError},
    walk::{Descend, WalkError, walk},
};

/// Records read at the same time while listing.
const LIST_CONCURRENCY: usize = 8;
/// Largest record accepted, in bytes: a record has under 400.
const MAX_RECORD_BYTES: u64 = 16 * 1024;
/// How often a blob that is replaced while it is opened is looked up anew.
const MAX_LOOKUPS: usize = 4;

const RECORD_SUFFIX: &str = ".record";

/// A store of blobs; clones share it.
#[derive(Clone)]
pub struct BlobStore {
    pub(super) objects: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
    folder: Option<PathBuf>,
    prefix: String,
    name: Arc<str>,
}

/// A URL anyone can read for a while, and what it will give.
#[derive(Debug, Clone)]
pub struct SignedUrl {
    /// The URL; it is as good as a password.
    pub url: Url,
    /// The blob: whoever downloads it checks length and digest.
    pub meta: BlobMeta,
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobStore({})", self.name)
    }
}

impl BlobStore {
    /// Opens a store: a path or `file:///path` (made where missing), `s3://bucket/prefix` or `gs://bucket/prefix`.
    ///
    /// Nothing is sent to a remote store yet.
    ///
    /// # Errors
    ///
    /// Where the location or an option is not understood, or a local folder cannot be made.
    pub fn open(location: &str, options: &BlobOptions) -> Result<Self, BlobError> {
        let opened = open(location, options)?;
        Ok(BlobStore {
            objects: opened.store,
            signer: opened.signer,
            folder: opened.folder,
            prefix: opened.prefix,
            name: opened.name.into(),
        })
    }

    /// The store's name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins a blob; it exists once [`BlobWriter::finish`] returned.
    ///
    /// # Errors
    ///
    /// With [`PutMode::Create`] where the key is taken, or where the store cannot be asked.
    pub async fn put(&self, key: &BlobKey, kind: &str, mode: PutMode) -> Result<BlobWriter, BlobError> {
        if mode == PutMode::Create && self.head(key).await?.is_some() {
            return Err(self.already_exists(key));
        }
        Ok(BlobWriter::new(self.clone(), key.clone(), kind.to_owned(), mode))
    }

    /// Puts a whole stream; where it fails, nothing is committed.
    ///
    /// # Errors
    ///
    /// Where the stream or the store fails, and as [`BlobStore::put`].
    pub async fn put_stream(
        &self,
        key: &BlobKey,
        kind: &str,
        mode: PutMode,
        stream: impl Stream<Item = std::io::Result<Bytes>>,
    ) -> Result<BlobMeta, BlobError> {
        let mut writer = self.put(key, kind, mode).await?;
        let mut stream = std::pin::pin!(stream);
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => writer.write(chunk).await?,
                Err(source) => {
                    writer.abort().await;
                    return Err(BlobError::Input { key: key.to_string(), source });
                }
            }
        }
        writer.finish().await
    }

    /// Puts bytes at hand.
    ///
    /// # Errors
    ///
    /// As [`BlobStore::put_stream`].
    pub async fn put_bytes(
        &self,
        key: &BlobKey,
        kind: &str,
        mode: PutMode,
        bytes: Bytes,
    ) -> Result<BlobMeta, BlobError> {
        let stream = futures::stream::iter([Ok(bytes)]);
        self.put_stream(key, kind, mode, stream).await
    }

    /// What is known of a blob, or `None` where there is none.
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked or the record is damaged.
    pub async fn head(&self, key: &BlobKey) -> Result<Option<BlobMeta>, BlobError> {
        let path = self.record_path(key);
        let result = match self.objects.get(&path).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(BlobAction::Read, key, error)),
        };
        let bad = |reason| BlobError::BadRecord { store: self.name.to_string(), key: key.to_string(), reason };
        if result.meta.size > MAX_RECORD_BYTES {
            return Err(bad(format!("it has {} bytes", result.meta.size)));
        }
        let bytes = result.bytes().await.map_err(|error| self.failed(BlobAction::Read, key, error))?;
        decode(key, &bytes).map(Some).map_err(bad)
    }

    /// Opens a blob for reading; length and digest are checked at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotFound`] where there is none, or where the store cannot be asked.
    pub async fn get(&self, key: &BlobKey) -> Result<BlobReader, BlobError> {
        for _ in 0..MAX_LOOKUPS {
            let meta = self.head(key).await?.ok_or_else(|| self.not_found(key))?;
            match self.objects.get(&self.content_path(key, &meta.suffix)).await {
                Ok(result) => return BlobReader::new(self.clone(), meta, result),
                // The blob was replaced or deleted between the two requests: its record tells.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(BlobAction::Read, key, error)),
            }
        }
        Err(BlobError::Corrupt {
            store: self.name.to_string(),
            key: key.to_string(),
            reason: "its record exists and its content does not".to_owned(),
        })
    }

    /// Deletes a blob; false where there was none.
    ///
    /// # Errors
    ///
    /// Where the store refuses.
    pub async fn delete(&self, key: &BlobKey) -> Result<bool, BlobError> {
        let Some(meta) = self.head(key).await? else {
            return Ok(false);
        };
        for path in [self.record_path(key), self.content_path(key, &meta.suffix), self.used_path(key)] {
            self.delete_object(key, &path).await?;
        }
        Ok(true)
    }

    /// All blobs below `prefix` (whole parts of a key, or empty for all), in no order.
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<BlobMeta, BlobError>> {
        let store = self.clone();
        self.list_objects(prefix)
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
        let mut objects = self.list_objects(prefix);
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
                self.delete_object(&key, &object.location).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// A URL by which anyone can read this blob until it expires, or `None` where the store is a local folder.
    ///
    /// # Errors
    ///
    /// Where there is no such blob, or the store's credentials cannot sign.
    pub async fn signed_url(&self, key: &BlobKey, expires_in: Duration) -> Result<Option<SignedUrl>, BlobError> {
        let Some(signer) = &self.signer else {
            return Ok(None);
        };
        let meta = self.head(key).await?.ok_or_else(|| self.not_found(key))?;
        let path = self.content_path(key, &meta.suffix);
        let url = signer
            .signed_url(object_store::signer::Method::GET, &path, expires_in)
            .await
            .map_err(|error| self.failed(BlobAction::Sign, key, error))?;
        Ok(Some(SignedUrl { url, meta }))
    }

    /// Where the record of a key lies.
    pub(super) fn record_path(&self, key: &BlobKey) -> Path {
        self.path(&format!("{key}{RECORD_SUFFIX}"))
    }

    /// Where the note of a key's last use lies.
    pub(super) fn used_path(&self, key: &BlobKey) -> Path {
        self.path(&format!("{key}{USED_SUFFIX}"))
    }

    /// Where content of a key lies.
    pub(super) fn content_path(&self, key: &BlobKey, suffix: &str) -> Path {
        self.path(&format!("{key}.{suffix}"))
    }

    /// Deletes one object; that it is gone already is fine.
    pub(super) async fn delete_object(&self, key: &BlobKey, path: &Path) -> Result<(), BlobError> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(BlobAction::Delete, key, error)),
        }
    }

    /// An error of the store with its names.
    pub(super) fn failed(&self, action: BlobAction, key: &BlobKey, source: object_store::Error) -> BlobError {
        BlobError::access(action, &self.name, key.as_str(), source)
    }

    /// The key is taken.
    pub(super) fn already_exists(&self, key: &BlobKey) -> BlobError {
        BlobError::AlreadyExists { store: self.name.to_string(), key: key.to_string() }
    }

    fn not_found(&self, key: &BlobKey) -> BlobError {
        BlobError::NotFound { store: self.name.to_string(), key: key.to_string() }
    }

    fn path(&self, name: &str) -> Path {
        let whole = if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
        Path::from(whole)
    }

    /// All objects below a prefix, with their names relative to the store's own prefix.
    pub(super) fn list_objects(&self, prefix: &str) -> BoxStream<'static, Result<(String, ObjectMeta), BlobError>> {
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
