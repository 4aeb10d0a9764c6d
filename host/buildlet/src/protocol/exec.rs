//! The words of the exec addition: ids, leases, limits, usage, and what is known of an exec.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest id accepted, in bytes: it names a directory on the agent.
const MAX_ID_BYTES: usize = 128;

/// The id of an exec, chosen and recorded by the caller before the request.
///
/// One to 128 letters, digits, `-`, `_` and `.`, the first of them a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecId(String);

impl ExecId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ExecId {
    type Err = InvalidExecId;

    fn from_str(text: &str) -> Result<Self, InvalidExecId> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if starts_well && text.len() <= MAX_ID_BYTES && text.bytes().all(known) {
            Ok(ExecId(text.to_owned()))
        } else {
            Err(InvalidExecId)
        }
    }
}

impl TryFrom<String> for ExecId {
    type Error = InvalidExecId;

    fn try_from(text: String) -> Result<Self, InvalidExecId> {
        text.parse()
    }
}

impl From<ExecId> for String {
    fn from(id: ExecId) -> String {
        id.0
    }
}

/// A text that cannot be an [`ExecId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("read an exec id: 1 to 128 letters, digits, `-`, `_` and `.` are needed, the first a letter or digit")]
pub struct InvalidExecId;

/// The number of a lease; a higher one is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lease(pub u64);

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the processes of one exec may use together; `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Most memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Most processor time per time, in thousandths of one processor.
    pub cpu_millis: Option<u64>,
    /// Most processes and threads.
    pub pids: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Limits::default()
    }
}

/// What an exec used, as far as the machine can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExecUsage {
    /// Wall-clock time from start to end, in milliseconds.
    pub wall_ms: u64,
    /// Processor time of all its processes, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<u64>,
    /// The most memory its processes held together, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak_bytes: Option<u64>,
    /// Processes killed because memory ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<u64>,
}

/// Background processes a command left running, killed after its end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftBehind {
    /// How many there were.
    pub count: u64,
    /// The names of the first ones, at most sixteen.
    pub names: Vec<String>,
}

/// What an agent knows of an exec with an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecState {
    /// The id.
    pub id: ExecId,
    /// Whether the command has ended.
    pub ended: bool,
    /// Bytes of output so far.
    pub output_bytes: u64,
    /// Bytes the caller acknowledged; they are no longer kept.
    pub acknowledged_bytes: u64,
    /// Whether the command waits because too much of its output is unacknowledged.
    pub waiting: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_file_names() {
        for good in ["a", "7", "build-12.attempt_3", &"x".repeat(128)] {
            assert_eq!(good.parse::<ExecId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", ".", "..", "-a", "a/b", "a b", "\u{e9}", &"x".repeat(129)] {
            assert_eq!(bad.parse::<ExecId>(), Err(InvalidExecId), "{bad:?}");
        }
    }
}
