//! How logs fail.

use std::sync::Arc;
use std::time::Duration;

use snapshot::BlobError;
use thiserror::Error;

use crate::names::StreamId;
use crate::segment::{MAX_MARK_BYTES, MAX_MARKED_BYTES};

/// What could not be done. Messages fit after "failed to".
#[derive(Clone, Debug, Error)]
pub enum LogError {
    /// A name that no stream can have.
    #[error("name a log stream `{stream}`: {reason}")]
    Name {
        /// The name.
        stream: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A segment is not what was written.
    #[error("read {stream} at byte {offset}: its segment `{key}` is damaged: {reason}")]
    Torn {
        /// Which stream.
        stream: StreamId,
        /// Where the segment begins.
        offset: u64,
        /// The object.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A segment is not there, although there are later ones.
    #[error("read {stream} at byte {offset}: its segment `{key}` is missing from the blob store")]
    Missing {
        /// Which stream.
        stream: StreamId,
        /// Where the segment begins.
        offset: u64,
        /// The object.
        key: String,
    },
    /// Another process wrote there: whoever still has the right opens the stream anew and goes on behind it.
    #[error("write {stream} at byte {offset}: another writer was there before")]
    Taken {
        /// Which stream.
        stream: StreamId,
        /// Where.
        offset: u64,
    },
    /// The stream has a writer in this process.
    #[error("write {stream}: it is being written already")]
    Busy {
        /// Which stream.
        stream: StreamId,
    },
    /// The stream is complete.
    #[error("write {stream}: it was finished")]
    Finished {
        /// Which stream.
        stream: StreamId,
    },
    /// Bytes with one mark do not fit into one segment.
    #[error("write {stream}: {bytes} bytes under one mark are more than {MAX_MARKED_BYTES}; mark smaller pieces")]
    TooMuchMarked {
        /// Which stream.
        stream: StreamId,
        /// How many they are.
        bytes: usize,
    },
    /// A mark is too long.
    #[error("write {stream}: a mark of {bytes} bytes is longer than {MAX_MARK_BYTES}")]
    LongMark {
        /// Which stream.
        stream: StreamId,
        /// Its length.
        bytes: usize,
    },
    /// The blob store refused for longer than a writer waits.
    #[error("write {stream} at byte {offset}: the blob store has refused for {waited:.0?}")]
    Write {
        /// Which stream.
        stream: StreamId,
        /// Where.
        offset: u64,
        /// How long it was asked.
        waited: Duration,
        /// What it said last.
        #[source]
        source: Arc<BlobError>,
    },
    /// The blob store could not be read.
    #[error("read {stream}")]
    Read {
        /// Which stream.
        stream: StreamId,
        /// Why.
        #[source]
        source: Arc<BlobError>,
    },
    /// The blob store could not be asked about the logs of builds.
    #[error("{action} the logs of {what}")]
    Manage {
        /// What was tried: `list` or `remove`.
        action: &'static str,
        /// Of what: `build 7`, `all builds`.
        what: String,
        /// Why.
        #[source]
        source: Arc<BlobError>,
    },
    /// The task that writes has stopped, as its runtime was shut down.
    #[error("write {stream}: its writer has stopped")]
    Stopped {
        /// Which stream.
        stream: StreamId,
    },
}
