//! The tokio driver of the engine: steps it, commits its records, carries out its effects.
//!
//! ```text
//! submit, cancel --> inbox --> Driver: step each ready event --> commit all records in one transaction
//!                      ^                                              |               \--> live, subscribe (service)
//!                      |                                              v
//!                      +---- one answer per effect <---- effects/*: a task each, on the build's Job
//!                                                             |                 |
//!                     updates (view::BuildUpdate) --> terminal, report      logs: raw streams, the ordered log
//! ```
//! Only `effects` sees pools, buildlets, blobs and plugins; only the engine decides.

mod clock;
mod coordinator;
mod driver;
mod effects;
mod error;
mod excerpts;
mod exec_log;
mod inbox;
mod job;
mod kept;
mod lease;
mod live;
mod log;
mod ordered;
mod output;
pub mod ports;
mod report;
mod source;
pub mod streams;
mod tell;
pub mod view;

pub use clock::now;
pub use coordinator::{Coordinator, CoordinatorConfig, Finished, NewBuild, Resources};
pub use effects::estimate::expected_phases;
pub use error::CoordinatorError;
pub use excerpts::StoredExcerpts;
pub use job::{Job, JobSetup, Selection};
pub use live::{Committed, LiveBuild};
pub use report::{Excerpts, NoExcerpts, report_of};
pub use source::JobSource;
