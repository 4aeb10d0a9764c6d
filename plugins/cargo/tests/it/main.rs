//! The builder on a real tree: its commands are run as buildlets would, where the tree was made and where it was not.
#![expect(clippy::unwrap_used, reason = "tests")]

mod machine;
mod output;
mod tree;
