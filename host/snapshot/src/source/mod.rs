//! What of a working tree is pushed to a machine, and the digest that names it.
//!
//! With git: what is tracked and what is not ignored, submodules as they are checked out, deleted files left out, and
//! a small `.git` made for the purpose in which `git describe`, `git status` and `git archive HEAD` answer as at home.
//! Without git: everything but the folders of version control systems.

mod listing;

mod find;
mod git;
mod metadata;
mod push;

pub use listing::{FileKind, FoundBy, GitSummary, SourceFile, SourceListing, list};
pub use metadata::MAX_COMMITS;
pub use push::push;
