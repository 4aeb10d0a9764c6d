//! Streams that go on: what happens in a build, and its log as it grows. Both resume where a client left off.

mod changes;
mod letters;
mod log;
mod pages;
mod status;

pub use letters::Letters;
pub(crate) use log::{follow, log_events};
pub(crate) use pages::{any_change, build_changes};
pub(crate) use status::status_events;
