//! Scenarios: runs that are told in a file, and whose log is compared with a golden one. `docs/scenarios.md` describes
//! the file.

mod file;
mod plan;
mod play;
mod span;

pub use play::{Scenario, ScenarioError};
