//! The errors of this crate: each variant names the operation that failed.

mod archive;
mod blob;
mod tree;

pub use archive::{ArchiveError, Fault};
pub use blob::{BlobAction, BlobError, KeyError};
pub use tree::{CloneError, SourceError};
