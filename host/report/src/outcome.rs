//! The result of a build in one word.

use engine::Outcome;

/// The outcome in one word, with its cause.
pub fn outcome(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Passed => ("passed", ""),
        Outcome::Failed { cause } => ("failed", cause),
        Outcome::Errored { cause } => ("errored", cause),
        Outcome::Canceled { cause } => ("canceled", cause),
    }
}
