//! Durable state in SQLite or PostgreSQL: records of builds, rows of finished ones, and observed durations.
//!
//! Records are opaque text to this crate. Writing them is conditional on an [`Epoch`]: of several coordinators over one
//! database, only the newest holder of a scope commits anything.

mod builds;
mod database;
mod epoch;
mod error;
mod history;
mod migrate;
mod observations;
mod packed;
mod records;
mod settings;
mod store;

pub use builds::{BuildHeader, FinishedBuild, FinishedRow};
pub use epoch::Epoch;
pub use error::{Cause, StoreError};
pub use history::{Observation, Phase, PhaseDurations, PhaseObserved, Series, TestObserved};
pub use packed::{MAX_READ, MAX_STORED};
pub use records::{Commit, RecordRow};
pub use settings::Settings;
pub use store::Store;
