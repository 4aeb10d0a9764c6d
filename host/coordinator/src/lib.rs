//! The tokio driver of the engine: steps it, commits its records, carries out its effects.
//!
//! ```text
//! submit, cancel --> inbox --> Driver: step each ready event --> commit all records in one transaction
//!                      ^                                              |
//!                      |                                              v
//!                      +---- one answer per effect <---- effects/*: a task each, on the build's Job
//!                                                                     |
//!                                                     updates (view::BuildUpdate) --> terminal, page, report
//! ```
//! Only `effects` sees pools, buildlets, blobs and plugins; only the engine decides.

mod driver;
mod effects;
mod error;
mod job;
mod lease;
mod ordered;
mod output;
pub mod ports;
mod report;
mod tell;
pub mod view;

pub use driver::{Coordinator, CoordinatorConfig, Finished};
pub use error::CoordinatorError;
pub use job::{Job, JobSetup, Selection};
