//! How a call to a buildlet fails. A command that ran to its end is never here.

use thiserror::Error;

/// What kind of failure it was: what callers decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No connection could be made.
    Unreachable,
    /// The peer is not the machine it should be: its certificate is another's.
    Untrusted,
    /// The password was not accepted.
    WrongPassword,
    /// The peer refused the request as it is (a 4xx answer).
    Refused,
    /// The peer serves a newer lease.
    StaleLease,
    /// The time limit of the call or the command passed.
    TimedOut,
    /// The head of the answer did not come within its budget.
    NoAnswer,
    /// The connection broke, or the answer was incomplete or not understood.
    Broken,
    /// The peer missed its heartbeats and counts as dead.
    LostHeartbeat,
    /// The agent does not know the exec (any more): it was restarted meanwhile, or never started it.
    Gone,
    /// The peer's disk is full.
    DiskFull,
    /// The peer could not do it for another reason (a 5xx answer).
    PeerFailed,
    /// This side could not read what was to be sent, or write what was received.
    Local,
}

impl FailureKind {
    /// A word for logs and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Unreachable => "unreachable",
            FailureKind::Untrusted => "untrusted",
            FailureKind::WrongPassword => "wrong-password",
            FailureKind::Refused => "refused",
            FailureKind::StaleLease => "stale-lease",
            FailureKind::TimedOut => "timed-out",
            FailureKind::NoAnswer => "no-answer",
            FailureKind::Broken => "broken",
            FailureKind::LostHeartbeat => "lost-heartbeat",
            FailureKind::Gone => "gone",
            FailureKind::DiskFull => "disk-full",
            FailureKind::PeerFailed => "peer-failed",
            FailureKind::Local => "local",
        }
    }
}

/// A call other than exec failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{call} on the buildlet ({}): {detail}", kind.name())]
pub struct CallFailure {
    /// Which call, such as `/writetgz`.
    pub call: &'static str,
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened, in words.
    pub detail: String,
}

/// A command could not be run, or its end was not seen: there is no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("run a command on the buildlet ({}): {detail}", kind.name())]
pub struct ExecFailure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened, in words.
    pub detail: String,
    /// The offset after the last byte of output given to the sink: where to attach again.
    pub next_offset: u64,
}

impl ExecFailure {
    pub(crate) fn at(next_offset: u64) -> impl Fn(CallFailure) -> ExecFailure {
        move |failure| ExecFailure { kind: failure.kind, detail: failure.detail, next_offset }
    }
}

/// The text of an error and of all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
