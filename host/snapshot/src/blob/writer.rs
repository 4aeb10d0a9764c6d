//! Writes one blob with bounded memory and commits it only when whole.

use std::{
    hash::{BuildHasher as _, Hasher as _},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::{Bytes, BytesMut};
use object_store::{
    MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutMode as ObjectPutMode, PutOptions, PutPayload,
    path::Path,
};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::{
    key::BlobKey,
    record::{BlobMeta, encode},
    store::BlobStore,
};
use crate::{
    digest::Digest,
    error::{BlobAction, BlobError},
};

/// Size of one part of an upload, in bytes; S3 wants at least 5 MiB, and some stores that all are equal.
pub const PART_BYTES: usize = 8 << 20;
/// Most parts of one upload: S3's bound.
const MAX_PARTS: u64 = 10_000;
/// Largest blob, in bytes: 78 GiB.
pub const MAX_BLOB_BYTES: u64 = PART_BYTES as u64 * MAX_PARTS;
/// Parts on their way at the same time; with the one being filled a writer holds 24 MiB.
const PARTS_IN_FLIGHT: usize = 2;

/// What happens where the key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// The new blob replaces the old one, in one step.
    Replace,
    /// The put fails with [`BlobError::AlreadyExists`].
    Create,
}

/// A blob being written. Dropped before [`BlobWriter::finish`] returned, it leaves nothing visible.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    key: BlobKey,
    kind: String,
    mode: PutMode,
    suffix: String,
    /// Copied, as a slice would keep its whole network buffer alive.
    part: BytesMut,
    /// None until the first part is full: a small blob is one request.
    upload: Option<Box<dyn MultipartUpload>>,
    in_flight: JoinSet<object_store::Result<()>>,
    hasher: Sha256,
    length: u64,
    undone: bool,
}

impl BlobWriter {
    pub(super) fn new(store: BlobStore, key: BlobKey, kind: String, mode: PutMode) -> Self {
        BlobWriter {
            suffix: new_suffix(),
            store,
            key,
            kind,
            mode,
            part: BytesMut::new(),
            upload: None,
            in_flight: JoinSet::new(),
            hasher: Sha256::new(),
            length: 0,
            undone: false,
        }
    }

    /// The key being written.
    #[must_use]
    pub fn key(&self) -> &BlobKey {
        &self.key
    }

    /// Adds bytes, and waits while the store is slower.
    ///
    /// # Errors
    ///
    /// Where the store fails, or the blob passes [`MAX_BLOB_BYTES`]. The upload is then undone, and every later call
    /// fails.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        self.check_not_undone()?;
        let length = self.length + bytes.len() as u64;
        if length > MAX_BLOB_BYTES {
            self.undo().await;
            return Err(BlobError::TooLarge {
                store: self.store.name().to_owned(),
                key: self.key.to_string(),
                limit: MAX_BLOB_BYTES,
            });
        }
        self.hasher.update(&bytes);
        self.length = length;
        while self.part.len() + bytes.len() >= PART_BYTES {
            let piece = bytes.split_to(PART_BYTES - self.part.len());
            self.part.extend_from_slice(&piece);
            self.send_part().await?;
        }
        self.part.extend_from_slice(&bytes);
        Ok(())
    }

    /// Completes the content and commits it with its record.
    ///
    /// # Errors
    ///
    /// Where the store fails or, with [`PutMode::Create`], the key was taken meanwhile: then nothing was committed.
    pub async fn finish(mut self) -> Result<BlobMeta, BlobError> {
        self.check_not_undone()?;
        if self.upload.is_some() {
            if !self.part.is_empty() {
                self.send_part().await?;
            }
            self.wait_for_parts(0).await?;
            let completed = match &mut self.upload {
                Some(upload) => upload.complete().await.map(drop),
                None => Ok(()),
            };
            if let Err(error) = completed {
                self.undo().await;
                return Err(self.failed(error));
            }
            self.upload = None;
        } else {
            let payload = PutPayload::from(self.part.split().freeze());
            let put = self.store.objects.put(&self.content_path(), payload).await;
            put.map_err(|error| self.failed(error))?;
        }
        match self.commit().await {
            Ok(meta) => Ok(meta),
            Err(error) => {
                let suffix = self.suffix.clone();
                self.remove_content(&suffix).await;
                Err(error)
            }
        }
    }

    /// Gives the blob up and removes what was sent.
    pub async fn abort(mut self) {
        self.undo().await;
    }

    async fn commit(&mut self) -> Result<BlobMeta, BlobError> {
        let meta = BlobMeta {
            key: self.key.clone(),
            length: self.length,
            sha256: Digest::finish(self.hasher.clone()),
            created_at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            kind: self.kind.clone(),
            suffix: self.suffix.clone(),
        };
        let (replaced, mode) = match self.mode {
            PutMode::Replace => (self.store.head(&self.key).await?, ObjectPutMode::Overwrite),
            PutMode::Create => (None, ObjectPutMode::Create),
        };
        let path = self.store.record_path(&self.key);
        let payload = PutPayload::from(encode(&meta));
        let options = PutOptions::from(mode);
        match self.store.objects.put_opts(&path, payload, options).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                return Err(self.store.already_exists(&self.key));
            }
            Err(error) => return Err(self.failed(error)),
        }
        if let Some(replaced) = replaced {
            self.remove_content(&replaced.suffix).await;
        }
        Ok(meta)
    }

    async fn send_part(&mut self) -> Result<(), BlobError> {
        self.wait_for_parts(PARTS_IN_FLIGHT - 1).await?;
        let path = self.content_path();
        let payload = PutPayload::from(self.part.split().freeze());
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => match self.store.objects.put_multipart(&path).await {
                Ok(upload) => self.upload.insert(upload),
                Err(error) => {
                    self.undo().await;
                    return Err(self.failed(error));
                }
            },
        };
        let part = upload.put_part(payload);
        self.in_flight.spawn(part);
        Ok(())
    }

    async fn wait_for_parts(&mut self, most: usize) -> Result<(), BlobError> {
        while self.in_flight.len() > most {
            let sent = match self.in_flight.join_next().await {
                Some(Ok(sent)) => sent,
                Some(Err(error)) => Err(object_store::Error::JoinError { source: error }),
                None => Ok(()),
            };
            if let Err(error) = sent {
                self.undo().await;
                return Err(self.failed(error));
            }
        }
        Ok(())
    }

    /// Undoes the upload; that this fails too is only worth a line in the log, as nothing became visible.
    async fn undo(&mut self) {
        self.in_flight.shutdown().await;
        self.part.clear();
        self.undone = true;
        if let Some(mut upload) = self.upload.take()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(key = %self.key, %error, "an aborted upload could not be removed");
        }
    }

    fn check_not_undone(&self) -> Result<(), BlobError> {
        if self.undone {
            return Err(BlobError::Undone { store: self.store.name().to_owned(), key: self.key.to_string() });
        }
        Ok(())
    }

    async fn remove_content(&mut self, suffix: &str) {
        let path = self.store.content_path(&self.key, suffix);
        if let Err(error) = self.store.delete_at(&self.key, &path).await {
            tracing::warn!(key = %self.key, %error, "content without a record could not be removed");
        }
    }

    fn content_path(&self) -> Path {
        self.store.content_path(&self.key, &self.suffix)
    }

    fn failed(&self, source: object_store::Error) -> BlobError {
        self.store.failed(BlobAction::Write, &self.key, source)
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else {
            return;
        };
        // A local upload removes its file when it is dropped; a remote one has to be told.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let in_flight = std::mem::take(&mut self.in_flight);
            drop(runtime.spawn(async move {
                drop(in_flight);
                if let Err(error) = upload.abort().await {
                    tracing::warn!(%error, "a dropped upload could not be removed");
                }
            }));
        }
    }
}

/// A name nobody used before: 64 bits from the standard library's random hash keys, mixed with the time.
fn new_suffix() -> String {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    hasher.write_u128(nanos);
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}
