//! Archive rules, source listings, snapshot keys, the blob store, fan-out and clones.
//!
//! Everything here streams with bounded memory, however large the tree, and nothing here decides anything about a
//! build: this crate depends on no other of the workspace.

pub mod archive;

mod error;
mod walk;

pub use error::{ArchiveError, Fault};
pub use walk::Skipped;
