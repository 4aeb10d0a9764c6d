//! What a scheduling policy is told and what it answers. The types are those of the built-in rule.

pub use builtin::{Action, AskAt, Decision, HelperInput, Item, Observed, RunInput, Worker};
