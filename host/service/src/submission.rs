//! What is asked for: a build, in the words of `muster build`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far what is built is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// An unmerged change: it never writes a snapshot that other builds read.
    #[default]
    Try,
    /// What was reviewed. Only who may manage builds can say so.
    Trusted,
}

/// A build that is asked for. Everything but `tree` may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The digest of the uploaded archive: `sha256:...`.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub tree: String,
    /// What it is called; history is kept under this name. Without it the tree's own files say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub project: Option<String>,
    /// The revision, for people: `git describe`, or a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub version: Option<String>,
    /// The builder. Without it the plugins are asked which of them fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub builder: Option<String>,
    /// Only tests whose name this regular expression matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 10_000)]
    pub run: Option<String>,
    /// The most helpers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 256)]
    pub helpers: Option<u32>,
    /// How often a failed test is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 20)]
    pub retries: Option<u32>,
    /// Run everything after a failure (true), or stop at the first (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_going: Option<bool>,
    /// Make the tree anew.
    #[serde(default)]
    pub fresh: bool,
    /// Time for the whole build, in seconds; never more than the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_s: Option<u64>,
    /// The policy plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub policy: Option<String>,
    /// The estimator plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub estimator: Option<String>,
    /// The pool that machines come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub pool: Option<String>,
    /// Higher goes first. More than 0 needs the scope `manage`.
    #[serde(default)]
    #[schema(minimum = -100, maximum = 100)]
    pub priority: i32,
    /// How far the tree is trusted.
    #[serde(default)]
    pub trust: Trust,
    /// Who asked: set by the server, whatever is sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(read_only)]
    pub by: String,
    /// The build that this one repeats: set by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub retry_of: Option<u64>,
}
