//! Reads one blob and checks it to the end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{GetResult, GetResultPayload};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use super::{record::BlobMeta, store::BlobStore};
use crate::{
    digest::Digest,
    error::{BlobAction, BlobError},
};

/// Read size of a local file.
const READ_BYTES: usize = 256 * 1024;

/// The content of a blob as a stream. **Its end is only good when the stream ends without an error**: length and
/// digest are checked there.
pub struct BlobReader {
    meta: BlobMeta,
    store: BlobStore,
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
    hasher: Option<Sha256>,
    length: u64,
}

impl BlobReader {
    pub(super) fn new(store: BlobStore, meta: BlobMeta, result: GetResult) -> Result<Self, BlobError> {
        let size = result.meta.size;
        if size != meta.length {
            let reason = format!("its record says {} bytes, the store has {size}", meta.length);
            return Err(corrupt(&store, &meta, reason));
        }
        let chunks = match result.payload {
            GetResultPayload::File(file, _) => {
                let file = tokio::fs::File::from_std(file);
                ReaderStream::with_capacity(file, READ_BYTES)
                    .map_err(|source| object_store::Error::Generic {
                        store: "LocalFileSystem",
                        source: Box::new(source),
                    })
                    .boxed()
            }
            GetResultPayload::Stream(stream) => stream,
        };
        Ok(BlobReader { meta, store, chunks, hasher: Some(Sha256::new()), length: 0 })
    }

    /// What is read.
    #[must_use]
    pub fn meta(&self) -> &BlobMeta {
        &self.meta
    }

    /// The same as a byte reader; a failed check is an error at the end.
    pub fn into_async_read(self) -> impl AsyncRead + Send + Unpin {
        StreamReader::new(self.map_err(io::Error::other))
    }

    /// Reads it whole, if it is no longer than `limit` bytes.
    ///
    /// # Errors
    ///
    /// Where it is longer, the store fails or the content is not what was written.
    pub async fn into_bytes(self, limit: u64) -> Result<Bytes, BlobError> {
        if self.meta.length > limit {
            return Err(BlobError::TooLarge {
                store: self.store.name().to_owned(),
                key: self.meta.key.to_string(),
                limit,
            });
        }
        let chunks: Vec<Bytes> = self.try_collect().await?;
        Ok(chunks.concat().into())
    }

    fn check(&self, hasher: Sha256) -> Option<BlobError> {
        let found = Digest::finish(hasher);
        let reason = if self.length != self.meta.length {
            format!("it ended after {} of {} bytes", self.length, self.meta.length)
        } else if found != self.meta.sha256 {
            format!("its digest is {found}, its record says {}", self.meta.sha256)
        } else {
            return None;
        };
        Some(corrupt(&self.store, &self.meta, reason))
    }
}

impl Stream for BlobReader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.hasher.is_none() {
            return Poll::Ready(None);
        }
        let Poll::Ready(chunk) = self.chunks.poll_next_unpin(cx) else {
            return Poll::Pending;
        };
        Poll::Ready(match chunk {
            Some(Ok(chunk)) => {
                self.length += chunk.len() as u64;
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&chunk);
                }
                Some(Ok(chunk))
            }
            Some(Err(error)) => {
                self.hasher = None;
                Some(Err(self.store.failed(BlobAction::Read, &self.meta.key, error)))
            }
            None => {
                let hasher = self.hasher.take();
                hasher.and_then(|hasher| self.check(hasher)).map(Err)
            }
        })
    }
}

fn corrupt(store: &BlobStore, meta: &BlobMeta, reason: String) -> BlobError {
    BlobError::Corrupt { store: store.name().to_owned(), key: meta.key.to_string(), reason }
}
