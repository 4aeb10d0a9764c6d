//! The engine under virtual time, with seeded faults and invariants.
//!
//! A run is a fleet, some builds and some trouble, all drawn from a seed or read from a scenario; time jumps from one
//! happening to the next. After each step everything that must hold is checked: the engine's own invariants, the fold
//! of the records against its state, each effect against what was recorded, and at the end each verdict against what
//! the fleet really did. The same seed gives the same run.

#![expect(clippy::wildcard_enum_match_arm, reason = "the simulator looks at a few kinds of many")]

mod check;
mod draw;
mod exec;
mod fleet;
mod happening;
mod model;
mod plan;
mod plugins;
mod restart;
mod rng;
mod rules;
mod run;
mod scenario;
mod seeds;
mod strangers;
mod summary;
mod trace;
mod trouble;
mod work;
mod world;

pub use scenario::{Scenario, ScenarioError};
pub use seeds::{Failure, replay_seed, run_seed, run_seeds};
pub use summary::Summary;
