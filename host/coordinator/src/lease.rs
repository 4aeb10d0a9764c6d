//! The machines a build holds: clients by claim, and the watch on each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use buildlet::client::{CallFailure, Client, FailureKind};
use engine::{CommandEnd, ExecFailure, ExecFailureKind, LeaseId, Machine, Role};
use tokio_util::task::AbortOnDropHandle;

use crate::ports::Place;

/// A machine that a build holds.
pub(crate) struct Leased {
    pub(crate) lease: LeaseId,
    pub(crate) role: Role,
    pub(crate) machine: Machine,
    pub(crate) client: Arc<Client>,
    pub(crate) pid: Option<u32>,
    pub(crate) local: bool,
    /// Its work directory, absolute, as it says itself.
    pub(crate) work_dir: String,
    /// Ends with the claim.
    pub(crate) _watch: AbortOnDropHandle<()>,
}

impl Leased {
    /// Where an exec of this attempt folder runs, for the builder.
    pub(crate) fn place(&self, root: &str, attempt_dir: &str, os: &str, arch: &str) -> Place {
        let separator = if os == "windows" { "\\" } else { "/" };
        let below = |path: &str| format!("{}{separator}{path}", self.work_dir);
        Place {
            work_dir: self.work_dir.clone(),
            tree: below(root),
            attempt_dir: below(attempt_dir),
            os: os.to_owned(),
            arch: arch.to_owned(),
            host_type: self.machine.host_type.clone(),
            local: self.local,
        }
    }
}

/// All machines a build holds now, by claim.
#[derive(Default)]
pub(crate) struct LeaseTable(Mutex<BTreeMap<LeaseId, Arc<Leased>>>);

impl LeaseTable {
    pub(crate) fn insert(&self, leased: Leased) {
        self.lock().insert(leased.lease, Arc::new(leased));
    }

    pub(crate) fn remove(&self, lease: LeaseId) -> Option<Arc<Leased>> {
        self.lock().remove(&lease)
    }

    /// The machine of a claim.
    ///
    /// # Errors
    /// If the build does not hold it any more.
    pub(crate) fn get(&self, lease: LeaseId) -> Result<Arc<Leased>, ExecFailure> {
        let gone = || ExecFailure::new(ExecFailureKind::MachineLost, format!("lease {lease} is over"));
        self.lock().get(&lease).cloned().ok_or_else(gone)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LeaseId, Arc<Leased>>> {
        self.0.lock().expect("no holder of this lock can panic")
    }
}

/// A failed call, as the engine knows it.
pub(crate) fn call_failure(failure: &CallFailure) -> ExecFailure {
    ExecFailure::new(failure_kind(failure.kind), failure.to_string())
}

fn failure_kind(kind: FailureKind) -> ExecFailureKind {
    match kind {
        FailureKind::DiskFull => ExecFailureKind::DiskFull,
        FailureKind::Refused | FailureKind::StaleLease | FailureKind::WrongPassword | FailureKind::Untrusted => {
            ExecFailureKind::Refused
        }
        FailureKind::Local => ExecFailureKind::Other,
        FailureKind::Unreachable
        | FailureKind::TimedOut
        | FailureKind::NoAnswer
        | FailureKind::Broken
        | FailureKind::LostHeartbeat
        | FailureKind::Gone
        | FailureKind::PeerFailed => ExecFailureKind::MachineLost,
        kind => {
            tracing::warn!(?kind, "a kind of failure that this version does not know");
            ExecFailureKind::MachineLost
        }
    }
}

/// A failed exec: over its limit is the command's own end, all else is none.
pub(crate) fn exec_failure(failure: &buildlet::client::ExecFailure) -> Result<CommandEnd, ExecFailure> {
    if failure.kind == FailureKind::TimedOut {
        return Ok(CommandEnd::TimedOut);
    }
    Err(ExecFailure::new(failure_kind(failure.kind), failure.to_string()))
}

/// How a command ended, in the engine's words.
pub(crate) fn command_end(result: &buildlet::protocol::CommandResult) -> CommandEnd {
    use buildlet::protocol::CommandResult;
    match result {
        CommandResult::Exited(code) => CommandEnd::Exited(*code),
        CommandResult::Signaled { signal, core_dumped } => {
            CommandEnd::Signaled(if *core_dumped { format!("{signal} (core dumped)") } else { signal.clone() })
        }
        CommandResult::StartFailed(text) => CommandEnd::NotStarted(text.clone()),
        CommandResult::Other(text) => CommandEnd::Signaled(text.clone()),
    }
}
