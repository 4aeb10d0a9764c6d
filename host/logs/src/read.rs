//! Reads a stream from any offset.

use bytes::{Bytes, BytesMut};

use crate::load::missing;
use crate::state::{Found, Stream};
use crate::{LogError, LogStore};

/// Most bytes of one chunk.
const MAX_CHUNK_BYTES: usize = 8 << 20;

/// A part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it begins.
    pub from: u64,
    /// Its bytes; empty at the stream's end, and behind it.
    pub bytes: Bytes,
    /// Where the stream ends so far, what is not durable included.
    pub end: u64,
    /// Nothing will be added.
    pub finished: bool,
}

impl LogStore {
    /// Reads up to `at_most` bytes (and 8 MiB) from `from` on; as many as there are. A stream that nobody has written
    /// yet is empty. Asked for no bytes, it tells where the stream ends by now, whoever writes it.
    ///
    /// # Errors
    /// If a segment is damaged or missing, or the blob store fails.
    pub async fn read(&self, build: u64, stream: &str, from: u64, at_most: usize) -> Result<Chunk, LogError> {
        let stream = self.stream(build, stream).await?;
        let elsewhere = {
            let state = stream.state();
            let is_asked_for_its_end = at_most == 0 || from.saturating_add(at_most as u64) > state.durable;
            state.session.is_none() && !state.finished && is_asked_for_its_end
        };
        if elsewhere {
            self.extend(&stream).await?;
        }
        let at_most = at_most.min(MAX_CHUNK_BYTES);
        let mut bytes = self.piece(&stream, from).await?;
        bytes.truncate(at_most);
        if bytes.len() < at_most && !bytes.is_empty() {
            bytes = self.fill(&stream, from, bytes, at_most).await?;
        }
        let state = stream.state();
        Ok(Chunk { from, bytes, end: state.end(), finished: state.finished })
    }

    /// Adds what follows a first piece.
    async fn fill(&self, stream: &Stream, from: u64, first: Bytes, at_most: usize) -> Result<Bytes, LogError> {
        let mut next = self.piece(stream, from + first.len() as u64).await?;
        if next.is_empty() {
            return Ok(first);
        }
        let mut all = BytesMut::from(&first[..]);
        while !next.is_empty() && all.len() < at_most {
            next.truncate(at_most - all.len());
            all.extend_from_slice(&next);
            next = self.piece(stream, from + all.len() as u64).await?;
        }
        Ok(all.freeze())
    }

    /// The bytes from `from` to the end of what holds them: a segment, or a part of the tail. Empty at the end.
    pub(crate) async fn piece(&self, stream: &Stream, from: u64) -> Result<Bytes, LogError> {
        let found = stream.state().find(from);
        match found {
            Found::Memory(bytes) => Ok(bytes),
            Found::End => Ok(Bytes::new()),
            Found::Missing(offset) => Err(missing(&stream.id, offset)),
            Found::Stored(offset) => {
                let bytes = self.segment(stream, offset).await?;
                let within = usize::try_from(from - offset).unwrap_or(usize::MAX);
                if within >= bytes.len() {
                    // The stream goes on, and the next segment that is there begins later.
                    return Err(missing(&stream.id, offset + bytes.len() as u64));
                }
                Ok(bytes.slice(within..))
            }
        }
    }
}
