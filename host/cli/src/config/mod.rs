//! Configuration: two files, two levels of trust.
//!
//! The tree's [`tree`] file says how a project is built and tested; it comes with the source and is trusted as little
//! as that. The machine's [`host`] file says what plugins, pools and grants there are; it is never looked for inside
//! a tree. A wrong key or value is shown with its file, its line and what was probably meant.

pub mod buildlet;
pub mod find;
pub mod host;
pub mod located;
pub mod nearest;
pub mod show;
pub mod tree;
pub mod units;

mod error;
mod read;

pub use error::ConfigError;
