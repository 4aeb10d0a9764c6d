//! Puts a segment into the blob store, with patience.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use snapshot::BlobError;
use tokio::time::{Instant, timeout};

use crate::segment::MAX_STORED_BYTES;
use crate::state::Stream;
use crate::{LogError, LogStore};

/// Before the first new try; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Between two tries at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl LogStore {
    /// Creates a segment, and asks again while the store fails; no longer once the writer was dropped.
    pub(crate) async fn upload(&self, stream: &Stream, offset: u64, encoded: Bytes) -> Result<(), LogError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.put(stream, offset, &encoded).await? else {
                if pause > FIRST_PAUSE {
                    tracing::info!(stream = %stream.id, offset, waited = ?begun.elapsed(), "a log goes on");
                }
                return Ok(());
            };
            let waited = begun.elapsed();
            let dropped = stream.state().session.as_ref().is_none_or(|session| session.dropped);
            if dropped || waited >= self.inner.settings.patience {
                return Err(LogError::Write { stream: stream.id.clone(), offset, waited, source: Arc::new(error) });
            }
            if pause == FIRST_PAUSE {
                tracing::warn!(stream = %stream.id, offset, %error, "a log waits for the blob store");
            }
            // Told early only by a writer that is dropped: then there is no next try.
            let _ = timeout(pause, stream.dropped.notified()).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try: an inner error is worth another.
    async fn put(&self, stream: &Stream, offset: u64, encoded: &Bytes) -> Result<Result<(), BlobError>, LogError> {
        let blobs = &self.inner.blobs;
        let key = stream.id.segment(offset);
        match blobs.put_object(&key, encoded.clone()).await {
            Err(BlobError::AlreadyExists { .. }) => {}
            done @ (Ok(()) | Err(_)) => return Ok(done),
        }
        // Perhaps an earlier try succeeded and its answer was lost: the segment says who wrote it.
        match blobs.get_object(&key, MAX_STORED_BYTES).await {
            Ok(Some(found)) if found == *encoded => Ok(Ok(())),
            Ok(_) => Err(LogError::Taken { stream: stream.id.clone(), offset }),
            Err(error) => Ok(Err(error)),
        }
    }
}
