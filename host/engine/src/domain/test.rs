//! Tests and what is expected of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use builtin::{EstimateSource, Phases};

/// The smallest schedulable test. Field by field the `test` record of `muster:types`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// Unique in its build.
    pub name: String,
    /// JUnit's class name, as the project's own runner writes it.
    pub suite: String,
    /// JUnit's test name, as the project's own runner writes it.
    pub case: String,
    /// Tests of one merge key may share one exec; without one the test always runs by itself.
    pub merge_key: Option<String>,
    /// Tests of one unit must share one exec, in listed order.
    pub unit: Option<String>,
    /// Tests of one set-up key are cheaper together.
    pub setup_key: Option<String>,
    /// What it needs alone: `machine`, or the name of a device.
    pub alone: Option<String>,
    /// Its own time limit.
    pub timeout: Option<Duration>,
    /// The runner lists it but would not run it: the reason.
    pub skip: Option<String>,
    /// The builder's notes on it, which come back with every `run`. Records from before there were any have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, String)>,
}

/// How long a test is expected to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Expected duration.
    pub expected: Duration,
    /// Standard deviation.
    pub deviation: Duration,
    /// Where it came from.
    pub source: EstimateSource,
}
