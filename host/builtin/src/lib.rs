//! The built-in scheduling rule and estimator, without any dependency.
//!
//! This is the generic form of what Go's coordinator did in 2015: the main buildlet takes tests in listed order,
//! helpers take the biggest first, and tests of one merge key share an exec up to 10 s above what the exec itself
//! costs. The engine asks these functions when no plugin may answer; the `in-order` plugin wraps them, and so
//! there is one rule, written once.

mod types;

pub use types::{Action, AskAt, Decision, EstimateSource, HelperInput, Item, Observed, Phases, RunInput, Worker};
