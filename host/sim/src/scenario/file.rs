//! A scenario file as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::span::Span;
use crate::plan::{EstimatorPlan, Lie, ListPlan, PolicyPlan};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    /// What is to be seen, in a sentence or two.
    pub(super) about: String,
    #[serde(default)]
    pub(super) fleet: FleetTable,
    pub(super) build: Vec<BuildTable>,
    #[serde(default)]
    pub(super) at: Vec<Spanned<AtTable>>,
}

/// The machines that there are.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FleetTable {
    /// How many buildlets, called `m1`, `m2` and so on; the first free one is granted.
    pub(super) machines: u32,
    /// How many of them share a machine.
    pub(super) per_host: u32,
    /// How long one takes to come.
    pub(super) start: Span,
    /// Those that take another time.
    pub(super) starts: BTreeMap<String, Spanned<Span>>,
    /// They are made on demand.
    pub(super) elastic: bool,
    /// Builds that run at once.
    pub(super) builds_at_once: usize,
    /// How long a restarted coordinator waits for the machines of before; none gives them up.
    pub(super) adoption: Option<Span>,
}

impl Default for FleetTable {
    fn default() -> FleetTable {
        FleetTable {
            machines: 3,
            per_host: 1,
            start: Span::seconds(5),
            starts: BTreeMap::new(),
            elastic: true,
            builds_at_once: 64,
            adoption: None,
        }
    }
}

/// One build.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BuildTable {
    /// When it is submitted.
    #[serde(default)]
    pub(super) at: Span,
    #[serde(default = "two")]
    pub(super) helpers: u32,
    #[serde(default)]
    pub(super) priority: i32,
    #[serde(default)]
    pub(super) fail_fast: bool,
    #[serde(default)]
    pub(super) retries: u32,
    #[serde(default)]
    pub(super) one_command: bool,
    /// An earlier build left a snapshot.
    #[serde(default)]
    pub(super) snapshot: bool,
    /// No snapshot of an earlier build is used.
    #[serde(default)]
    pub(super) fresh: bool,
    /// A parser reads the output.
    #[serde(default = "yes")]
    pub(super) parser: bool,
    /// How long making takes.
    #[serde(default = "ten_seconds")]
    pub(super) make: Span,
    #[serde(default)]
    pub(super) make_fails: bool,
    #[serde(default)]
    pub(super) list: ListPlan,
    /// What an exec costs before its first test.
    #[serde(default = "one_second")]
    pub(super) exec: Span,
    #[serde(default = "good_estimator")]
    pub(super) estimator: EstimatorPlan,
    /// None is the built-in rule.
    #[serde(default = "good_policy")]
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) policy_takes: Span,
    #[serde(default)]
    pub(super) limits: LimitsTable,
    pub(super) test: Vec<Spanned<TestTable>>,
}

fn two() -> u32 {
    2
}

fn yes() -> bool {
    true
}

fn one_second() -> Span {
    Span::seconds(1)
}

fn ten_seconds() -> Span {
    Span::seconds(10)
}

fn good_estimator() -> EstimatorPlan {
    EstimatorPlan::Good
}

fn good_policy() -> Policy {
    Policy::Plugin(PolicyPlan::Good)
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    BuiltIn,
    Plugin(PolicyPlan),
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
        use serde::de::{Error as _, IntoDeserializer as _};
        let text = String::deserialize(deserializer)?;
        if text == "built-in" {
            return Ok(Policy::BuiltIn);
        }
        let plugin: Result<_, serde::de::value::Error> = PolicyPlan::deserialize(text.into_deserializer());
        plugin.map(Policy::Plugin).map_err(|error| D::Error::custom(format!("{error}, or `built-in`")))
    }
}

/// Bounds that are not the usual ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LimitsTable {
    pub(super) build: Option<Span>,
    pub(super) acquire: Option<Span>,
    pub(super) phase: Option<Span>,
    pub(super) test: Option<Span>,
    pub(super) plugin: Option<Span>,
    pub(super) exec_failures: Option<u32>,
    pub(super) main_losses: Option<u32>,
}

/// One test, or several that are alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TestTable {
    pub(super) name: String,
    /// So many of them: `NAME1`, `NAME2` and so on.
    pub(super) count: Option<u32>,
    #[serde(default = "one_second")]
    pub(super) takes: Span,
    /// What the estimator says, where that is not what it takes.
    pub(super) expected: Option<Span>,
    /// The estimator knows nothing of it.
    #[serde(default)]
    pub(super) unknown: bool,
    #[serde(default)]
    pub(super) does: Does,
    /// How often it fails or kills its machine before it passes.
    pub(super) times: Option<u32>,
    /// Its merge key.
    pub(super) key: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) setup: Option<String>,
    pub(super) alone: Option<String>,
    pub(super) timeout: Option<Span>,
    /// The runner would not run it: the reason.
    pub(super) skip: Option<String>,
}

/// What a test does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Does {
    #[default]
    Passes,
    Fails,
    Flaky,
    Skips,
    Hangs,
    KillsMachine,
    SaysNothing,
    Crashes,
    SpoilsExit,
    Adds,
}

/// Something at a set time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AtTable {
    pub(super) time: Span,
    #[serde(rename = "do")]
    pub(super) what: What,
    pub(super) machine: Option<Spanned<String>>,
    pub(super) by: Option<Span>,
    pub(super) times: Option<u32>,
    pub(super) how: Option<Lie>,
    pub(super) cause: Option<String>,
    pub(super) build: Option<Spanned<usize>>,
}

/// What happens at a set time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    Lose,
    LoseFailing,
    Freeze,
    Hang,
    FillDisk,
    Slow,
    Delay,
    Lie,
    Refuse,
    Grant,
    RepeatAnswers,
    Cancel,
    Restart,
    CrashBeforeCommit,
    CrashAfterCommit,
}
