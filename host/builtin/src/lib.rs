//! The built-in scheduling rule and estimator, without any dependency.
//!
//! This is the generic form of what Go's coordinator did in 2015: the main buildlet takes tests in listed order,
//! helpers take the biggest first, and tests of one merge key share an exec up to 10 s above what the exec itself
//! costs. Where an exec costs more than its tests, a group grows until the exec is at most a tenth of it; towards
//! the end groups shrink, so that no machine is left waiting for one long group. The engine asks these functions
//! when no plugin may answer; the `in-order` plugin wraps them, and so there is one rule, written once.

mod estimate;
mod gather;
mod group;
mod helpers;
mod items;
mod run;
mod set;
mod types;
mod view;

pub use estimate::{PRIOR, median, standard_deviation};
pub use helpers::plan_helpers;
pub use run::Run;
pub use types::{
    Action, AskAt, Decision, EstimateSource, HelperInput, Item, Observed, Phases, RunInput, Worker, narrower,
};
pub use view::View;
