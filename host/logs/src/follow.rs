//! Follows a stream as it grows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::try_unfold;
use tokio::time::{Instant, sleep_until, timeout};

use crate::state::Stream;
use crate::{LogError, LogStore};

/// Largest piece that a follower is given at once.
const PIECE_BYTES: usize = 256 << 10;
/// A follower that is given little waits so long for the next: a thousand lines a second are not a thousand pieces.
const GATHER: Duration = Duration::from_millis(10);
/// What is not little.
const MUCH: usize = 64 << 10;

/// Where a follower is. It holds nothing of the stream between two pieces.
struct Follower {
    store: LogStore,
    build: u64,
    name: String,
    stream: Option<Arc<Stream>>,
    from: u64,
    not_before: Instant,
}

impl LogStore {
    /// The stream from `from` on, as it grows, until it is finished. A follower in the writer's process is given what is
    /// appended within some 20 ms; one that is not polled costs nothing, and slows nobody.
    ///
    /// After an error it ends; a new one from the last offset goes on.
    pub fn follow(
        &self,
        build: u64,
        stream: &str,
        from: u64,
    ) -> impl futures::Stream<Item = Result<Bytes, LogError>> + Send + 'static + use<> {
        let (store, name) = (self.clone(), stream.to_owned());
        let follower = Follower { store, build, name, stream: None, from, not_before: Instant::now() };
        try_unfold(follower, |mut follower| async move {
            let piece = follower.next().await?;
            Ok(piece.map(|piece| (piece, follower)))
        })
    }
}

impl Follower {
    async fn next(&mut self) -> Result<Option<Bytes>, LogError> {
        let stream = match &self.stream {
            Some(stream) => Arc::clone(stream),
            None => Arc::clone(self.stream.insert(self.store.stream(self.build, &self.name).await?)),
        };
        sleep_until(self.not_before).await;
        loop {
            let mut grown = std::pin::pin!(stream.grown.notified());
            grown.as_mut().enable();
            let mut piece = self.store.piece(&stream, self.from).await?;
            if !piece.is_empty() {
                piece.truncate(PIECE_BYTES);
                self.from += piece.len() as u64;
                let pause = if piece.len() < MUCH { GATHER } else { Duration::ZERO };
                self.not_before = Instant::now() + pause;
                return Ok(Some(piece));
            }
            let (at_end, written_here) = {
                let state = stream.state();
                (state.finished && self.from >= state.durable, state.session.is_some())
            };
            if at_end {
                return Ok(None);
            }
            if written_here {
                grown.await;
            } else if !self.store.extend(&stream).await? {
                // Told where a writer opens it in this process.
                let _ = timeout(self.store.inner.settings.poll, grown).await;
            }
        }
    }
}
