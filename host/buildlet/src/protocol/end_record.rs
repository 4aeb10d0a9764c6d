//! The end record of an exec, the JSON of the `X-Muster-End` trailer and of the agent's spool.

use serde::{Deserialize, Serialize};

use super::{ExecUsage, LeftBehind};

/// How an exec with the additions ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EndRecord {
    /// The `Process-State` text; with a failure, how the process ended once it was killed.
    pub(crate) process_state: String,
    /// Bytes of output in all, where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_bytes: Option<u64>,
    /// What it used.
    pub(crate) usage: ExecUsage,
    /// What it left running.
    pub(crate) left_behind: LeftBehind,
    /// How long it waited for acknowledgements, in milliseconds.
    pub(crate) waited_ms: u64,
    /// Why there is no result, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<EndFailure>,
}

/// Why the agent ended an exec itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EndFailure {
    /// Its time limit passed.
    Deadline,
    /// The disk of the work directory or of the spool is full.
    DiskFull(String),
    /// A newer lease took the machine.
    Lease,
    /// The agent could not go on with it, or was told to halt.
    Agent(String),
}
