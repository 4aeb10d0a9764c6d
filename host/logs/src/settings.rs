//! The bounds of logs.

use std::time::Duration;

use crate::segment::MAX_MARKED_BYTES;

/// Bounds of memory and of waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A segment is written when so many bytes are gathered. A writer holds at most so many, as many again on their way
    /// to the blob store, and their encoded form. 1 MiB.
    pub segment_bytes: usize,
    /// What was gathered for so long is written, however little it is. 1 s.
    pub flush_after: Duration,
    /// A stream that goes on for long is written less often, a sixty-fourth of its age, but at least this often, so
    /// that an hour of slow output is some hundred segments. 8 s.
    pub flush_at_most_after: Duration,
    /// How long a writer asks a blob store that fails before it fails itself. 10 min.
    pub patience: Duration,
    /// How often a reader looks for segments that another process writes. 500 ms.
    pub poll: Duration,
    /// Bytes of decoded segments that readers share. 32 MiB.
    pub cache_bytes: usize,
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings {
            segment_bytes: 1 << 20,
            flush_after: Duration::from_secs(1),
            flush_at_most_after: Duration::from_secs(8),
            patience: Duration::from_mins(10),
            poll: Duration::from_millis(500),
            cache_bytes: 32 << 20,
        }
    }
}

impl LogSettings {
    /// The size of a segment within what its form holds.
    pub(crate) fn segment_bytes(&self) -> usize {
        self.segment_bytes.clamp(1, MAX_MARKED_BYTES)
    }

    /// After how long a stream of this age is written.
    pub(crate) fn flush_after(&self, age: Duration) -> Duration {
        (age / 64).min(self.flush_at_most_after).max(self.flush_after)
    }
}
