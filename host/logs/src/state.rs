//! What a process knows of one stream: its segments, and what its writer here has gathered.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::LogError;
use crate::names::StreamId;
use crate::segment::{Head, Mark};
use crate::tail::Tail;

/// A stream as all its readers and its writer in this process share it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    /// Names it in the cache, for as long as the process knows it.
    pub(crate) number: u64,
    state: Mutex<State>,
    /// Told to readers and to who waits for room: something changed.
    pub(crate) grown: Notify,
    /// Told to the pump: there may be something to write.
    pub(crate) work: Notify,
    /// Told to the pump: its writer was dropped.
    pub(crate) dropped: Notify,
    /// Held while a segment is fetched, so that it is fetched once for all who want it.
    pub(crate) fetching: tokio::sync::Mutex<()>,
}

impl Stream {
    pub(crate) fn new(id: StreamId, number: u64, state: State) -> Stream {
        let [grown, work, dropped] = [(); 3].map(|()| Notify::new());
        Stream { id, number, state: Mutex::new(state), grown, work, dropped, fetching: tokio::sync::Mutex::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    /// Newlines before it, where its head was read.
    pub(crate) lines_before: Option<u64>,
}

/// See [`Stream`].
#[derive(Debug, Default)]
pub(crate) struct State {
    /// By offset.
    pub(crate) places: Vec<Place>,
    /// Where the last segment ends.
    pub(crate) durable: u64,
    /// Newlines up to there.
    pub(crate) lines: u64,
    /// The last byte there is no newline.
    pub(crate) open: bool,
    pub(crate) finished: bool,
    /// The last mark up to there.
    pub(crate) mark: Option<Mark>,
    /// The writer in this process, if there is one.
    pub(crate) session: Option<Session>,
}

/// What belongs to one writer. It is there until both the writer and its pump are gone.
#[derive(Debug)]
pub(crate) struct Session {
    /// Begins at [`State::durable`].
    pub(crate) in_flight: Bytes,
    pub(crate) tail: Tail,
    /// When the first byte of the tail came.
    pub(crate) since: Instant,
    /// The last mark, durable or not.
    pub(crate) mark: Option<Mark>,
    /// Write without waiting for more: somebody waits for it.
    pub(crate) hurry: bool,
    pub(crate) finishing: bool,
    pub(crate) dropped: bool,
    pub(crate) pump_gone: bool,
    pub(crate) failed: Option<LogError>,
}

/// Where the bytes at an offset are.
#[derive(Debug)]
pub(crate) enum Found {
    /// Here.
    Memory(Bytes),
    /// In the segment that begins there.
    Stored(u64),
    /// Nowhere yet.
    End,
    /// In no segment, although there are later ones.
    Missing(u64),
}

impl State {
    /// The end of the stream, what is not durable included.
    pub(crate) fn end(&self) -> u64 {
        let gathered = |session: &Session| session.in_flight.len() + session.tail.len();
        self.durable + self.session.as_ref().map_or(0, gathered) as u64
    }

    /// A segment is in the blob store, directly behind the last.
    pub(crate) fn settle(&mut self, head: &Head) {
        self.places.push(Place { offset: head.offset, lines_before: Some(head.lines_before) });
        self.end_at(head);
    }

    /// The last segment is this.
    pub(crate) fn end_at(&mut self, head: &Head) {
        self.durable = head.end();
        self.lines = head.lines_after();
        self.open = head.open;
        self.finished = head.last;
        self.mark.clone_from(&head.mark);
    }

    pub(crate) fn find(&mut self, from: u64) -> Found {
        if from >= self.durable {
            let Some(session) = &mut self.session else { return Found::End };
            let from = usize::try_from(from - self.durable).unwrap_or(usize::MAX);
            if from < session.in_flight.len() {
                return Found::Memory(session.in_flight.slice(from..));
            }
            let bytes = session.tail.from(from - session.in_flight.len());
            return if bytes.is_empty() { Found::End } else { Found::Memory(bytes) };
        }
        let after = self.places.partition_point(|place| place.offset <= from);
        let place = after.checked_sub(1).and_then(|index| self.places.get(index));
        place.map_or(Found::Missing(0), |place| Found::Stored(place.offset))
    }
}

impl Session {
    pub(crate) fn new(mark: Option<Mark>) -> Session {
        Session {
            in_flight: Bytes::new(),
            tail: Tail::default(),
            since: Instant::now(),
            mark,
            hurry: false,
            finishing: false,
            dropped: false,
            pump_gone: false,
            failed: None,
        }
    }

    /// Adds bytes to what is gathered. Whether these were the first.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        let first = self.tail.is_empty();
        if first {
            self.since = Instant::now();
        }
        self.tail.push(bytes);
        first
    }
}
