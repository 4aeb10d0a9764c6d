//! What a scheduling policy is told and what it answers: the `muster:policy` WIT interface as Rust types.

use std::time::Duration;

/// Where an estimate came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EstimateSource {
    /// Median of this many observations of the test itself.
    History(u32),
    /// From its neighbours: the set-up key that they share.
    Related(String),
    /// A table that came with the plugin or its settings.
    Table,
    /// Nothing is known.
    Prior,
    /// Something a later version of the contract defines.
    Other(String),
}

impl EstimateSource {
    /// Whether the estimate says something about the test itself rather than about tests in general.
    pub fn is_known(&self) -> bool {
        !matches!(self, EstimateSource::Prior)
    }
}

/// Expected lengths of what is not a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Phases {
    /// Making the tree.
    pub make: Duration,
    /// From asking for a machine until it answers.
    pub machine_start: Duration,
    /// Bringing the snapshot to a helper.
    pub setup: Duration,
    /// What one exec costs before its first test starts.
    pub exec_overhead: Duration,
}

/// A test, named by its place in the listed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Place in the listed order of the build.
    pub index: u32,
    /// The test's name.
    pub name: String,
    /// Tests of one merge key may share an exec; without one a test runs by itself.
    pub merge_key: Option<String>,
    /// Tests of one unit must share one exec, in listed order.
    pub unit: Option<String>,
    /// Tests of one set-up key are cheaper together.
    pub setup_key: Option<String>,
    /// What it needs alone: `machine` or a device.
    pub alone: Option<String>,
    /// Expected duration.
    pub expected: Duration,
    /// Standard deviation of that expectation.
    pub deviation: Duration,
    /// Where the expectation came from.
    pub source: EstimateSource,
    /// The most tests of a group that it may be in: it is tried again. None is any number.
    pub max_group: Option<u32>,
}

/// The bound on groups that holds both.
pub fn narrower(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (only, None) | (None, only) => only,
    }
}

/// A buildlet of the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Unique in the build.
    pub id: u32,
    /// It made the tree.
    pub main: bool,
    /// Its class of machine.
    pub host_type: String,
    /// Workers with an equal machine share it.
    pub machine: String,
}

/// What a policy is constructed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInput {
    /// Every test without a verdict that is not running, in listed order.
    pub items: Vec<Item>,
    /// The buildlets that are there.
    pub workers: Vec<Worker>,
    /// Expected lengths of the phases.
    pub phases: Phases,
    /// Helpers asked for and not yet there.
    pub expected_workers: u32,
}

/// What happened since a policy was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// An exec ended and gave these tests a verdict.
    Finished {
        /// Who ran it.
        worker: u32,
        /// The tests, with how long each kept the worker, where a duration was told.
        tests: Vec<(u32, Option<Duration>)>,
        /// Length of the whole exec.
        took: Duration,
    },
    /// These tests were started and have no verdict: they may be started again.
    Returned {
        /// The tests.
        tests: Vec<u32>,
        /// The most tests of a group that each of them may be in. None is any number.
        max_group: Option<u32>,
    },
    /// The worker is gone.
    Lost(u32),
    /// A worker came.
    Joined(Worker),
    /// The worker was let go.
    Left(u32),
    /// The host's measure of what one exec costs before its first test.
    ExecOverhead(Duration),
    /// A group was started in a former life of the run: told again after a restart, among all else that happened.
    Started {
        /// Who runs it.
        worker: u32,
        /// The tests.
        tests: Vec<u32>,
        /// When, in the run's time.
        at: Duration,
    },
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Action {
    /// Runs these tests in one exec.
    Start {
        /// An idle worker.
        worker: u32,
        /// In the order they are to run.
        tests: Vec<u32>,
    },
    /// Starts a second copy of a running test; the first verdict counts.
    Duplicate {
        /// An idle worker.
        worker: u32,
        /// A running test.
        test: u32,
    },
    /// Lets an idle worker go.
    Release(u32),
}

/// A policy's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Decision {
    /// In the order they take effect.
    pub actions: Vec<Action>,
    /// Ask again at this time of the build (same zero as `now`) if nothing happens before.
    pub wake_at: Option<Duration>,
    /// Why, in a line.
    pub note: String,
}

/// What decides when helpers are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperInput {
    /// Expected lengths of the phases.
    pub phases: Phases,
    /// Expected sum of all tests, where known.
    pub tests_total: Option<Duration>,
    /// The longest of them.
    pub longest_test: Option<Duration>,
    /// How many there are.
    pub test_count: Option<u32>,
    /// Since the build began to make.
    pub elapsed: Duration,
    /// The tree is made.
    pub made: bool,
    /// The most helpers the build may have.
    pub max_helpers: u32,
    /// Helpers that are there or asked for.
    pub present: u32,
    /// Builds that wait for a machine of this host type.
    pub waiting: u32,
    /// Machines are made on demand, rather than taken from a fixed set.
    pub elastic: bool,
}

/// Ask for helpers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskAt {
    /// Since the build began to make.
    pub at: Duration,
    /// How many more.
    pub count: u32,
}
