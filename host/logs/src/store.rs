//! The logs of all builds in one blob store.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use snapshot::blob::BlobStore;

use crate::cache::Cache;
use crate::known::Known;
use crate::names::StreamId;
use crate::pump::Pump;
use crate::state::{Session, Stream};
use crate::{LogError, LogSettings, LogWriter};

/// The logs of all builds in one blob store. Clones share what they know.
#[derive(Clone, Debug)]
pub struct LogStore {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) blobs: BlobStore,
    pub(crate) settings: LogSettings,
    pub(crate) known: Mutex<Known>,
    cache: Mutex<Cache>,
}

impl LogStore {
    /// Logs in this blob store, below the key `logs`.
    #[must_use]
    pub fn new(blobs: BlobStore, settings: LogSettings) -> LogStore {
        let cache = Mutex::new(Cache::new(settings.cache_bytes));
        LogStore { inner: Arc::new(Inner { blobs, settings, known: Mutex::default(), cache }) }
    }

    /// Opens a stream for writing; it goes on after what is durable, and [`LogWriter::mark`] says what the last writer
    /// noted there. A writer that was just dropped is waited for.
    ///
    /// # Errors
    /// If the stream is finished, or being written by this process; or if the blob store fails.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn writer(&self, build: u64, stream: &str) -> Result<LogWriter, LogError> {
        let stream = self.stream(build, stream).await?;
        loop {
            let mut grown = std::pin::pin!(stream.grown.notified());
            grown.as_mut().enable();
            let leaving = match &stream.state().session {
                None => false,
                Some(session) if session.dropped => true,
                Some(_) => return Err(LogError::Busy { stream: stream.id.clone() }),
            };
            if leaving {
                grown.await;
                continue;
            }
            self.extend(&stream).await?;
            let mut state = stream.state();
            if state.session.is_some() {
                continue;
            }
            if state.finished {
                return Err(LogError::Finished { stream: stream.id.clone() });
            }
            let mark = state.mark.clone();
            state.session = Some(Session::new(mark.clone()));
            drop(state);
            Pump::start(self.clone(), Arc::clone(&stream));
            return Ok(LogWriter::new(Arc::clone(&stream), self.inner.settings.segment_bytes(), mark));
        }
    }

    /// The stream as this process knows it.
    pub(crate) async fn stream(&self, build: u64, stream: &str) -> Result<Arc<Stream>, LogError> {
        let id = StreamId::new(build, stream)?;
        if let Some(known) = self.known().get(&id) {
            return Ok(known);
        }
        let state = self.load(&id).await?;
        Ok(self.known().add(id, state))
    }

    pub(crate) fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cached(&self, stream: &Stream, offset: u64) -> Option<Bytes> {
        let mut cache = self.inner.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get((stream.number, offset))
    }

    pub(crate) fn cache(&self, stream: &Stream, offset: u64, bytes: Bytes) {
        let mut cache = self.inner.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put((stream.number, offset), bytes);
    }
}
