//! Verdicts of tests, outcomes of builds, and the evidence for both.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::AttemptId;

/// The result of one test, with its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which of the six.
    pub kind: VerdictKind,
    /// Why: the failure's message, the reason of a skip, the causes of a loss. Empty for a plain pass.
    pub cause: String,
    /// How long the test took, where that was told or measured.
    pub duration: Option<Duration>,
    /// The attempt that gave it; none for tests that never ran.
    pub attempt: Option<AttemptId>,
}

/// Kinds of verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// It ran and passed.
    Passed,
    /// It ran and failed.
    Failed,
    /// It failed and then passed on a retry that was asked for, or two copies disagreed.
    Flaky,
    /// The project's runner skipped it.
    Skipped,
    /// It could not be run to its end, in as many tries as are allowed.
    Lost,
    /// It was not run: the build was cut short.
    NotRun,
}

impl VerdictKind {
    /// All of them, as they are counted.
    pub const ALL: [VerdictKind; 6] = [
        VerdictKind::Passed,
        VerdictKind::Failed,
        VerdictKind::Flaky,
        VerdictKind::Skipped,
        VerdictKind::Lost,
        VerdictKind::NotRun,
    ];
}

impl fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VerdictKind::Passed => "passed",
            VerdictKind::Failed => "failed",
            VerdictKind::Flaky => "flaky",
            VerdictKind::Skipped => "skipped",
            VerdictKind::Lost => "lost",
            VerdictKind::NotRun => "not-run",
        })
    }
}

/// The result of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Every test passed, was flaky or was skipped.
    Passed,
    /// The make failed, or at least one test failed.
    Failed {
        /// In words.
        cause: String,
    },
    /// We could not finish: no result.
    Errored {
        /// In words.
        cause: String,
    },
    /// Someone stopped it.
    Canceled {
        /// Who or what.
        cause: String,
    },
}

impl Outcome {
    /// In one word, as stores, reports and scripts know it.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed { .. } => "failed",
            Outcome::Errored { .. } => "errored",
            Outcome::Canceled { .. } => "canceled",
        }
    }

    /// Why; empty where it passed.
    pub fn cause(&self) -> &str {
        match self {
            Outcome::Passed => "",
            Outcome::Failed { cause } | Outcome::Errored { cause } | Outcome::Canceled { cause } => cause,
        }
    }
}

/// What a parser saw of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The test's name.
    pub name: String,
    /// JUnit's class name, used for tests that were not listed.
    pub suite: String,
    /// JUnit's test name, used for tests that were not listed.
    pub case: String,
    /// What its runner said.
    pub status: Status,
    /// As its runner measured it.
    pub duration: Option<Duration>,
    /// Why it failed or was skipped.
    pub message: String,
}

/// What a test's runner said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was skipped.
    Skipped,
}
