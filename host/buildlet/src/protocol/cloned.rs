//! The answer of `/muster/clone`.

use serde::{Deserialize, Serialize};

/// What was cloned, and found to be there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClonedTree {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of content, shared or copied.
    pub bytes: u64,
    /// Files that share their blocks with the original.
    pub reflinked: u64,
}
