//! Logs: the append-only streams of a build, as immutable segments in the blob store.
//!
//! A stream is a sequence of *segments*, plain objects named by the offset of their first byte and created once, so that
//! of two writers only one can ever write an offset. **Only what is in a segment is durable.** Beside its bytes a segment
//! carries a [`Mark`]: what its writer must know to go on exactly there, written together with them or not at all.
//!
//! Readers of the writer's own process also see the tail that is not durable yet, and are woken when it grows. Readers
//! elsewhere see segments as they appear. Nobody's reading slows the writer, or another reader.
//!
//! Lines are numbered from 1. Every segment says how many newlines were before it, so that a line is found by reading
//! one of them.

mod cache;
mod error;
mod follow;
mod known;
mod lines;
mod load;
mod manage;
mod names;
mod pump;
mod read;
mod search;
mod segment;
mod settings;
mod state;
mod store;
mod tail;
mod upload;
mod writer;

pub use error::LogError;
pub use manage::{BuildLogs, StreamInfo};
pub use read::Chunk;
pub use search::{MAX_MATCHES, Match};
pub use segment::{MAX_MARK_BYTES, MAX_MARKED_BYTES, Mark};
pub use settings::LogSettings;
pub use store::LogStore;
pub use writer::LogWriter;
