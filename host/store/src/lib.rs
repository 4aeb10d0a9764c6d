//! Durable state in SQLite or PostgreSQL: records of builds, their rows, observed durations, and what a service keeps of
//! itself: tokens, events, generations of plugins.
//!
//! Records are opaque text to this crate. Writing them is conditional on an [`Epoch`]: of several coordinators over one
//! database, only the newest holder of a scope commits anything.

mod builds;
mod database;
mod epoch;
mod error;
mod events;
mod generations;
mod history;
mod keys;
mod leases;
mod look;
mod migrations;
mod observations;
mod open_lock;
mod packed;
mod pages;
mod records;
mod recovery;
mod requests;
mod retention;
mod settings;
mod store;
mod tokens;

pub use builds::{BuildHeader, FinishedBuild, FinishedRow, RUN_SCOPES};
pub use epoch::{Epoch, Holder};
pub use error::{Cause, StoreError};
pub use events::ServiceEvent;
pub use generations::GenerationRow;
pub use history::{Observation, Phase, PhaseDurations, PhaseObserved, Series, TestObserved};
pub use look::Form;
pub use packed::{MAX_READ, MAX_STORED};
pub use pages::{BuildQuery, BuildRow};
pub use records::{Commit, RecordRow};
pub use recovery::Unfinished;
pub use requests::Request;
pub use retention::{Forgotten, Retention};
pub use settings::Settings;
pub use store::Store;
pub use tokens::TokenRow;
