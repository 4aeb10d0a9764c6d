//! Writes what a writer gathers, beside it: a task for each writer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use memchr::memchr_iter;
use tokio::time::{Instant, timeout_at};

use crate::segment::{Head, encode};
use crate::state::{State, Stream};
use crate::{LogError, LogStore};

/// More bytes than these are compressed on a thread that may take its time.
const ENCODED_HERE: usize = 32 << 10;

pub(crate) struct Pump {
    store: LogStore,
    stream: Arc<Stream>,
    /// A random number, by which a segment is known as this writer's.
    writer: u64,
    opened: Instant,
}

/// A segment to be written.
struct Batch {
    head: Head,
    bytes: Bytes,
}

impl Pump {
    pub(crate) fn start(store: LogStore, stream: Arc<Stream>) {
        let pump = Pump { store, stream, writer: random(), opened: Instant::now() };
        drop(tokio::spawn(pump.run()));
    }

    async fn run(self) {
        while let Some(batch) = self.next().await {
            let last = batch.head.last;
            if let Err(error) = self.write(batch).await {
                if let Some(session) = &mut self.stream.state().session {
                    session.failed = Some(error);
                }
                return;
            }
            if last {
                return;
            }
        }
    }

    /// Waits for the next segment; none when the writer was dropped.
    async fn next(&self) -> Option<Batch> {
        loop {
            let due_at = {
                let mut state = self.stream.state();
                match self.due(&state)? {
                    Due::Now => return Some(self.take(&mut state)),
                    Due::At(at) => Some(at),
                    Due::WhenThereIsSomething => None,
                }
            };
            let work = self.stream.work.notified();
            match due_at {
                // Whether it was told or the time has come, it looks again.
                Some(at) => drop(timeout_at(at, work).await),
                None => work.await,
            }
        }
    }

    fn due(&self, state: &State) -> Option<Due> {
        let session = state.session.as_ref().filter(|session| !session.dropped)?;
        let settings = &self.store.inner.settings;
        let gathered = session.tail.len();
        if session.finishing || gathered >= settings.segment_bytes() || (session.hurry && gathered > 0) {
            return Some(Due::Now);
        }
        if gathered == 0 {
            return Some(Due::WhenThereIsSomething);
        }
        let at = session.since + settings.flush_after(self.opened.elapsed());
        Some(if at <= Instant::now() { Due::Now } else { Due::At(at) })
    }

    /// Takes what is gathered; it stays readable as what is on its way.
    fn take(&self, state: &mut State) -> Batch {
        let (offset, lines_before, open) = (state.durable, state.lines, state.open);
        let (bytes, mark, last) = match &mut state.session {
            Some(session) => {
                session.hurry = false;
                session.in_flight = session.tail.take();
                (session.in_flight.clone(), session.mark.clone(), session.finishing)
            }
            None => (Bytes::new(), None, false),
        };
        let length = |count: usize| u32::try_from(count).expect("segments are bounded");
        let head = Head {
            offset,
            bytes: length(bytes.len()),
            lines_before,
            lines: length(memchr_iter(b'\n', &bytes).count()),
            last,
            open: bytes.last().map_or(open, |byte| *byte != b'\n'),
            mark,
            writer: self.writer,
        };
        self.stream.grown.notify_waiters();
        Batch { head, bytes }
    }

    async fn write(&self, batch: Batch) -> Result<(), LogError> {
        let Batch { head, bytes } = batch;
        let encoded = if bytes.len() <= ENCODED_HERE {
            encode(&head, &bytes)
        } else {
            let (head, bytes) = (head.clone(), bytes.clone());
            let encoding = tokio::task::spawn_blocking(move || encode(&head, &bytes));
            encoding.await.map_err(|_| LogError::Stopped { stream: self.stream.id.clone() })?
        };
        self.store.upload(&self.stream, head.offset, encoded).await?;
        self.store.cache(&self.stream, head.offset, bytes);
        let mut state = self.stream.state();
        state.settle(&head);
        if let Some(session) = &mut state.session {
            session.in_flight = Bytes::new();
        }
        drop(state);
        self.stream.grown.notify_waiters();
        Ok(())
    }
}

impl Drop for Pump {
    /// However it ends, nobody waits for it for ever.
    fn drop(&mut self) {
        let mut state = self.stream.state();
        let finished = state.finished;
        if let Some(session) = &mut state.session {
            session.pump_gone = true;
            if session.dropped {
                state.session = None;
            } else if session.failed.is_none() && !finished {
                session.failed = Some(LogError::Stopped { stream: self.stream.id.clone() });
            }
        }
        drop(state);
        self.stream.grown.notify_waiters();
    }
}

/// When there is a segment to write.
enum Due {
    Now,
    At(Instant),
    WhenThereIsSomething,
}

/// A number nobody else has: from the standard library's random hash keys, mixed with time and process.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut hasher = std::hash::RandomState::new().build_hasher();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    hasher.write_u128(since.unwrap_or(Duration::ZERO).as_nanos());
    hasher.write_u32(std::process::id());
    hasher.finish()
}
