//! The streams that this process knows: those that are written, and those that were read lately.

use std::collections::HashMap;
use std::sync::Arc;

use crate::names::StreamId;
use crate::state::{State, Stream};

/// Past so many, those that nobody uses are forgotten; they are looked up again when they are read.
const MAX_KNOWN: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Known {
    streams: HashMap<StreamId, Arc<Stream>>,
    number: u64,
    /// Looked through for unused ones when it has this size: a fixed share above what was left last time.
    look_at: usize,
}

impl Known {
    pub(crate) fn get(&self, id: &StreamId) -> Option<Arc<Stream>> {
        self.streams.get(id).cloned()
    }

    /// Adds a stream, unless somebody else did.
    pub(crate) fn add(&mut self, id: StreamId, state: State) -> Arc<Stream> {
        if self.streams.len() >= self.look_at.max(MAX_KNOWN) {
            self.streams.retain(|_, stream| Arc::strong_count(stream) > 1);
            self.look_at = self.streams.len() * 2;
        }
        self.number += 1;
        let number = self.number;
        let new = || Arc::new(Stream::new(id.clone(), number, state));
        Arc::clone(self.streams.entry(id.clone()).or_insert_with(new))
    }

    /// Those of a build.
    pub(crate) fn of(&self, build: u64) -> Vec<Arc<Stream>> {
        self.streams.values().filter(|stream| stream.id.build == build).cloned().collect()
    }

    pub(crate) fn forget(&mut self, build: u64) {
        self.streams.retain(|id, _| id.build != build);
    }
}
