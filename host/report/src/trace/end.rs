//! How a part of a build ended, in the words of the conventions for CI/CD.

use engine::{
    AttemptEndFacts, AttemptFacts, BuildFacts, CommandEnd, ExecFailure, ExecFailureKind, Outcome, VerdictKind,
};

use super::{Attributes, Value, bounded};

/// What is said where no better word for an error is known.
const OTHER: &str = "_OTHER";

/// How something ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// In a word: `success`, `failure`, `error`, `timeout` or `cancellation`.
    result: &'static str,
    /// What kind of error it was, and the error in words.
    error: Option<(&'static str, String)>,
}

impl End {
    pub(super) fn success() -> End {
        End { result: "success", error: None }
    }

    pub(super) fn canceled() -> End {
        End { result: "cancellation", error: None }
    }

    fn bad(result: &'static str, kind: &'static str, message: &str) -> End {
        End { result, error: Some((kind, bounded(message))) }
    }

    /// Of a whole build.
    pub(super) fn of_build(facts: &BuildFacts, outcome: &Outcome) -> End {
        let any =
            |kind| facts.tests.iter().any(|test| test.verdict.as_ref().is_some_and(|verdict| verdict.kind == kind));
        match outcome {
            Outcome::Passed => End::success(),
            Outcome::Failed { cause } if any(VerdictKind::Failed) => End::bad("failure", "test_failed", cause),
            Outcome::Failed { cause } => End::bad("failure", "command_failed", cause),
            Outcome::Errored { cause } if any(VerdictKind::Lost) => End::bad("error", "test_lost", cause),
            Outcome::Errored { cause } => End::bad("error", OTHER, cause),
            Outcome::Canceled { .. } => End::canceled(),
        }
    }

    /// Of what we could not see to its end.
    pub(super) fn lost(failure: &ExecFailure) -> End {
        End::bad("error", kind_of(failure.kind), &failure.to_string())
    }

    /// Of a phase that had to be begun anew, nobody knows why.
    pub(super) fn given_up() -> End {
        End::bad("error", OTHER, "it was begun anew")
    }

    /// Of an attempt in which so many of its tests failed.
    pub(super) fn of_attempt(attempt: &AttemptFacts, failed: usize) -> End {
        let Some(AttemptEndFacts { end, .. }) = &attempt.ended else { return End::canceled() };
        let called_back = attempt.called_back.is_some();
        match end {
            Err(failure) if called_back && !is_gone(failure.kind) => End::canceled(),
            Err(failure) => End::lost(failure),
            Ok(CommandEnd::TimedOut) => End::bad("timeout", "timeout", &CommandEnd::TimedOut.to_string()),
            Ok(_) if failed > 0 => {
                End::bad("failure", "test_failed", &format!("{failed} of {} tests failed", attempt.tests.len()))
            }
            Ok(end) if end.is_success() => End::success(),
            Ok(_) if called_back => End::canceled(),
            Ok(end) => End::bad("failure", "command_failed", &end.to_string()),
        }
    }

    /// Adds it to what is known, under this name; the error in words is left.
    pub(super) fn tell(&self, result: &'static str, attributes: &mut Attributes) -> Option<String> {
        attributes.push((result, Value::Text(self.result.to_owned())));
        let (kind, message) = self.error.as_ref()?;
        attributes.push(("error.type", Value::Text((*kind).to_owned())));
        Some(message.clone())
    }
}

/// Nothing can be known any more of what ran there, whether we wanted it to end or not.
fn is_gone(kind: ExecFailureKind) -> bool {
    matches!(kind, ExecFailureKind::MachineLost | ExecFailureKind::CoordinatorStopped)
}

fn kind_of(kind: ExecFailureKind) -> &'static str {
    match kind {
        ExecFailureKind::MachineLost => "machine_lost",
        ExecFailureKind::Refused => "refused",
        ExecFailureKind::DiskFull => "disk_full",
        ExecFailureKind::Store => "store_failed",
        ExecFailureKind::CoordinatorStopped => "coordinator_stopped",
        ExecFailureKind::Other => OTHER,
    }
}
