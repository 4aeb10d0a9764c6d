//! One incoming stream, written to the blob store and at the same time to helpers that already wait.
//!
//! The store is the only branch that may slow the stream. A helper's branch has a small buffer; when it is full the
//! branch is dropped and told so, and the helper starts again from the store. A branch says `Complete`, with length
//! and digest, only after the blob is committed: until then a helper has bytes, not a snapshot.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::{
    blob::{BlobMeta, BlobWriter},
    error::BlobError,
};

/// Bytes a helper may lag behind the store by default: a second of a busy gigabit link would be too much memory for
/// many helpers, and less than this drops them for every hiccup.
pub const DEFAULT_BRANCH_BYTES: usize = 8 << 20;

/// How a branch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchEnd {
    /// All bytes were handed over and the blob is committed; the helper checks length and digest before it runs.
    Complete(BlobMeta),
    /// The helper was too slow: what it has is useless, it starts again from the store.
    Lagged,
    /// The stream or the store failed, for this reason; there is no blob.
    Failed(String),
}

/// A fan-out that has not started.
#[derive(Debug)]
pub struct Fanout {
    branch_bytes: usize,
    branches: Vec<Sender>,
}

/// A helper's end of the stream.
#[derive(Debug)]
pub struct Branch {
    chunks: mpsc::UnboundedReceiver<Bytes>,
    buffered: Arc<AtomicUsize>,
    end: oneshot::Receiver<BranchEnd>,
}

#[derive(Debug)]
struct Sender {
    /// Unbounded in number, bounded in bytes by `buffered`.
    chunks: mpsc::UnboundedSender<Bytes>,
    buffered: Arc<AtomicUsize>,
    end: oneshot::Sender<BranchEnd>,
}

impl Default for Fanout {
    fn default() -> Self {
        Fanout::new(DEFAULT_BRANCH_BYTES)
    }
}

impl Fanout {
    /// A fan-out whose branches buffer at most this many bytes each.
    #[must_use]
    pub fn new(branch_bytes: usize) -> Self {
        Fanout { branch_bytes, branches: Vec::new() }
    }

    /// Adds a waiting helper; whoever comes after the start reads from the store.
    pub fn branch(&mut self) -> Branch {
        let (chunks, received) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let buffered = Arc::new(AtomicUsize::new(0));
        self.branches.push(Sender { chunks, buffered: Arc::clone(&buffered), end });
        Branch { chunks: received, buffered, end: ended }
    }

    /// Runs the stream to its end and commits the blob.
    ///
    /// # Errors
    ///
    /// Where the stream or the store fails: then nothing is committed and every branch has failed too.
    pub async fn run(
        mut self,
        stream: impl Stream<Item = std::io::Result<Bytes>>,
        writer: BlobWriter,
    ) -> Result<BlobMeta, BlobError> {
        let committed = self.pump(stream, writer).await;
        let end = match &committed {
            Ok(meta) => BranchEnd::Complete(meta.clone()),
            Err(error) => BranchEnd::Failed(error.to_string()),
        };
        for branch in self.branches {
            branch.finish(end.clone());
        }
        committed
    }

    async fn pump(
        &mut self,
        stream: impl Stream<Item = std::io::Result<Bytes>>,
        mut writer: BlobWriter,
    ) -> Result<BlobMeta, BlobError> {
        let mut stream = std::pin::pin!(stream);
        while let Some(chunk) = stream.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(source) => {
                    let key = writer.key().to_string();
                    writer.abort().await;
                    return Err(BlobError::Input { key, source });
                }
            };
            self.send(&chunk);
            writer.write(chunk).await?;
        }
        writer.finish().await
    }

    fn send(&mut self, chunk: &Bytes) {
        for at in (0..self.branches.len()).rev() {
            let branch = &self.branches[at];
            let before = branch.buffered.fetch_add(chunk.len(), Ordering::AcqRel);
            // A chunk larger than the whole buffer passes when nothing else is in it.
            let fits = before == 0 || before + chunk.len() <= self.branch_bytes;
            let gone = fits && branch.chunks.send(chunk.clone()).is_err();
            if !fits || gone {
                self.branches.swap_remove(at).finish(BranchEnd::Lagged);
            }
        }
    }
}

impl Sender {
    /// Tells the helper, if it still listens.
    fn finish(self, end: BranchEnd) {
        drop(self.chunks);
        let _ = self.end.send(end);
    }
}

impl Branch {
    /// The next bytes; `None` when there are no more, after which [`Branch::end`] says whether they count.
    pub async fn next(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.recv().await?;
        self.buffered.fetch_sub(chunk.len(), Ordering::AcqRel);
        Some(chunk)
    }

    /// How it ended; waits for the commit.
    pub async fn end(self) -> BranchEnd {
        // Bytes nobody wants need no buffer.
        drop(self.chunks);
        self.end.await.unwrap_or_else(|_| BranchEnd::Failed("the transfer was given up".to_owned()))
    }
}
