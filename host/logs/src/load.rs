//! What the blob store has of a stream.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use snapshot::BlobError;

use crate::names::{StreamId, parse};
use crate::segment::{Head, MAX_HEAD_BYTES, MAX_STORED_BYTES, decode, decode_head};
use crate::state::{Place, State, Stream};
use crate::{LogError, LogStore};

/// What makes a [`LogError`] of a failed read.
pub(crate) fn unread(id: &StreamId) -> impl Fn(BlobError) -> LogError {
    move |source| LogError::Read { stream: id.clone(), source: Arc::new(source) }
}

impl LogStore {
    /// Lists the segments of a stream and reads the head of the last.
    pub(crate) async fn load(&self, id: &StreamId) -> Result<State, LogError> {
        let mut objects = self.inner.blobs.list_objects(&id.prefix());
        let mut offsets = Vec::new();
        while let Some(object) = objects.try_next().await.map_err(unread(id))? {
            offsets.extend(parse(&object.key).map(|(_, _, offset)| offset));
        }
        offsets.sort_unstable();
        let mut state = State::default();
        if let Some(last) = offsets.last() {
            let head = self.head(id, *last).await?;
            state.end_at(&head.ok_or_else(|| missing(id, *last))?);
        }
        state.places = offsets.into_iter().map(|offset| Place { offset, lines_before: None }).collect();
        Ok(state)
    }

    /// Takes note of segments that another process wrote meanwhile, unless this one is writing. Whether there were any.
    pub(crate) async fn extend(&self, stream: &Stream) -> Result<bool, LogError> {
        let mut found = false;
        loop {
            let next = {
                let state = stream.state();
                if state.finished || state.session.is_some() {
                    return Ok(found);
                }
                state.durable
            };
            let Some(head) = self.head(&stream.id, next).await? else { return Ok(found) };
            let mut state = stream.state();
            if state.session.is_none() && state.durable == next {
                state.settle(&head);
                drop(state);
                stream.grown.notify_waiters();
            }
            found = true;
        }
    }

    /// The head of the segment that begins at this offset.
    pub(crate) async fn head(&self, id: &StreamId, offset: u64) -> Result<Option<Head>, LogError> {
        let part = self.inner.blobs.get_object_part(&id.segment(offset), 0..MAX_HEAD_BYTES).await;
        let Some(bytes) = part.map_err(unread(id))? else { return Ok(None) };
        let head = decode_head(&bytes).map_err(|reason| torn(id, offset, reason))?;
        check_offset(id, offset, &head)?;
        Ok(Some(head))
    }

    /// The bytes of the segment that begins at this offset, from the cache or the blob store.
    pub(crate) async fn segment(&self, stream: &Stream, offset: u64) -> Result<Bytes, LogError> {
        if let Some(bytes) = self.cached(stream, offset) {
            return Ok(bytes);
        }
        let _fetching = stream.fetching.lock().await;
        if let Some(bytes) = self.cached(stream, offset) {
            return Ok(bytes);
        }
        let id = &stream.id;
        let object = self.inner.blobs.get_object(&id.segment(offset), MAX_STORED_BYTES).await.map_err(unread(id))?;
        let object = object.ok_or_else(|| missing(id, offset))?;
        let (head, bytes) = decode(&object).map_err(|reason| torn(id, offset, reason))?;
        check_offset(id, offset, &head)?;
        self.cache(stream, offset, bytes.clone());
        Ok(bytes)
    }
}

pub(crate) fn missing(id: &StreamId, offset: u64) -> LogError {
    LogError::Missing { stream: id.clone(), offset, key: id.segment(offset).to_string() }
}

fn torn(id: &StreamId, offset: u64, reason: String) -> LogError {
    LogError::Torn { stream: id.clone(), offset, key: id.segment(offset).to_string(), reason }
}

fn check_offset(id: &StreamId, offset: u64, head: &Head) -> Result<(), LogError> {
    if head.offset == offset {
        return Ok(());
    }
    Err(torn(id, offset, format!("its head says that it begins at byte {}", head.offset)))
}
