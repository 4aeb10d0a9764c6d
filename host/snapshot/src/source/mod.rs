//! What of a working tree is pushed to a machine, and the digest that names it.
//!
//! With git: what is tracked and what is not ignored, submodules as they are checked out, deleted files left out, and
//! a small `.git` made for the purpose in which `git describe`, `git status` and `git archive HEAD` answer as at home.
//! Without git: everything but the folders of version control systems. Either way without what its caller leaves out,
//! since it is written meanwhile.

mod listing;

mod find;
mod git;
mod left_out;
mod metadata;
mod push;

pub use left_out::LeftOut;
pub use listing::{FileKind, FoundBy, GitSummary, SourceFile, SourceListing, list, list_without};
pub use metadata::MAX_COMMITS;
pub use push::push;
