//! The store itself: put, head, get, delete and signed URLs of blobs.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path, signer::Signer};
use url::Url;

use super::{
    key::BlobKey,
    open::{BlobOptions, open},
    prune::USED_SUFFIX,
    reader::BlobReader,
    record::{BlobMeta, decode},
    writer::{BlobWriter, PutMode},
};
use crate::error::{BlobAction, BlobError};

/// Largest record accepted, in bytes: a record has under 400.
const MAX_RECORD_BYTES: u64 = 16 * 1024;
/// How often a blob that is replaced while it is opened is looked up anew.
const MAX_LOOKUPS: usize = 4;

/// Ends the name of the object that commits a blob.
pub(super) const RECORD_SUFFIX: &str = ".record";

/// A store of blobs; clones share it.
#[derive(Clone)]
pub struct BlobStore {
    pub(super) objects: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
    pub(super) folder: Option<PathBuf>,
    pub(super) prefix: String,
    pub(super) name: Arc<str>,
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
            self.delete_at(key, &path).await?;
        }
        Ok(true)
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
    pub(super) async fn delete_at(&self, key: &BlobKey, path: &Path) -> Result<(), BlobError> {
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

    pub(super) fn not_found(&self, key: &BlobKey) -> BlobError {
        BlobError::NotFound { store: self.name.to_string(), key: key.to_string() }
    }

    pub(super) fn path(&self, name: &str) -> Path {
        let whole = if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
        Path::from(whole)
    }
}
