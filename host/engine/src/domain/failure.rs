//! How things end badly. A command's own end is a result; an exec failure is the absence of one. Two types, everywhere.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The end of a command that ran to its end, as seen by us: a result, good or bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandEnd {
    /// It exited with this status; 0 is success.
    Exited(i32),
    /// A signal ended it (Go's text: `killed`, `aborted (core dumped)`).
    Signaled(String),
    /// It ran over its limit and was killed: a result, not an exec failure.
    TimedOut,
    /// The buildlet answered that it could not start it (`fork/exec /wd/x: no such file or directory`).
    NotStarted(String),
}

impl CommandEnd {
    /// Whether it exited with status 0.
    pub fn is_success(&self) -> bool {
        matches!(self, CommandEnd::Exited(0))
    }
}

impl fmt::Display for CommandEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandEnd::Exited(code) => write!(f, "exit status {code}"),
            CommandEnd::Signaled(signal) => write!(f, "signal: {signal}"),
            CommandEnd::TimedOut => write!(f, "ran over its time limit"),
            CommandEnd::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}

/// We could not run a command, or did not see its end: no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecFailure {
    /// What kind of thing went wrong.
    pub kind: ExecFailureKind,
    /// What happened, where, in words.
    pub detail: String,
}

/// Kinds of exec failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecFailureKind {
    /// The machine is gone or does not answer.
    MachineLost,
    /// It answered, but would not do what we asked.
    Refused,
    /// A disk is full, on either side.
    DiskFull,
    /// The store of snapshots or records failed.
    Store,
    /// The coordinator stopped while it ran.
    CoordinatorStopped,
    /// Anything else on the way.
    Other,
}

impl ExecFailure {
    /// A failure of this kind.
    pub fn new(kind: ExecFailureKind, detail: impl Into<String>) -> ExecFailure {
        ExecFailure { kind, detail: detail.into() }
    }
}

impl fmt::Display for ExecFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ExecFailureKind::MachineLost => "machine lost",
            ExecFailureKind::Refused => "refused by the buildlet",
            ExecFailureKind::DiskFull => "disk full",
            ExecFailureKind::Store => "store failed",
            ExecFailureKind::CoordinatorStopped => "coordinator stopped",
            ExecFailureKind::Other => "not run",
        };
        if self.detail.is_empty() { f.write_str(kind) } else { write!(f, "{kind}: {}", self.detail) }
    }
}

/// A plugin did not do what its contract says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFault {
    /// What it did.
    pub kind: PluginFaultKind,
    /// In words, with the plugin's name and digest.
    pub detail: String,
}

/// Kinds of plugin fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginFaultKind {
    /// It trapped or panicked.
    Trapped,
    /// It ran over its time.
    TimedOut,
    /// It went over a limit of memory, output or handles.
    Limit,
    /// Its answer is not one that the contract allows.
    BadAnswer,
    /// It answered with an error.
    Refused,
    /// It is quarantined after repeated faults.
    Quarantined,
    /// It could not be loaded.
    NotLoaded,
}

impl fmt::Display for PluginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            PluginFaultKind::Trapped => "trapped",
            PluginFaultKind::TimedOut => "ran over its time",
            PluginFaultKind::Limit => "went over a limit",
            PluginFaultKind::BadAnswer => "gave an answer that is not allowed",
            PluginFaultKind::Refused => "refused",
            PluginFaultKind::Quarantined => "is quarantined",
            PluginFaultKind::NotLoaded => "could not be loaded",
        };
        write!(f, "{kind}: {}", self.detail)
    }
}
