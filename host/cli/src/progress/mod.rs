//! What is shown while a build runs: on a terminal, elsewhere, and for programs.

mod eta;
mod event;
mod json;
mod plain;
mod state;
mod terminal;

pub use event::{EVENTS, event};
pub use json::JsonProgress;
pub use plain::PlainProgress;
pub use state::{BuildState, BuildletLine};
pub use terminal::TerminalProgress;

use std::time::Duration;

use crate::view::BuildUpdate;

/// A view of a running build. It never blocks the build for longer than a write to its stream does.
pub trait Progress: Send {
    /// Shows one thing that happened, this long after the build began.
    fn update(&mut self, since: Duration, update: &BuildUpdate);
    /// Shows that time went by; called a few times a second.
    fn tick(&mut self, since: Duration);
    /// Takes away what is only shown while the build runs.
    fn finish(&mut self);
}
