//! Archive rules, source listings, snapshot keys, the blob store, fan-out and clones.
//!
//! Everything here streams with bounded memory, however large the tree, and nothing here decides anything about a
//! build: this crate depends on no other of the workspace.

pub mod archive;
pub mod blob;
pub mod clone;
pub mod fanout;
pub mod key;
pub mod source;

mod digest;
mod error;
mod walk;

pub use digest::Digest;
pub use error::{ArchiveError, BlobAction, BlobError, CloneError, Fault, KeyError, SourceError};
pub use walk::Skipped;
