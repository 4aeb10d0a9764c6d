//! The machines a build holds: clients by claim, and the watch on each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use buildlet::client::{CallFailure, Client, FailureKind};
use buildlet::protocol::{Extensions, Platform};
use engine::{CommandEnd, ExecFailure, ExecFailureKind, LeaseId, Machine, Role};
use tokio_util::task::AbortOnDropHandle;

use crate::ports::{BuilderConfig, Place};

/// A machine that a build holds.
pub(crate) struct Leased {
    pub(crate) lease: LeaseId,
    pub(crate) role: Role,
    pub(crate) machine: Machine,
    pub(crate) client: Arc<Client>,
    pub(crate) pid: Option<u32>,
    pub(crate) local: bool,
    /// It was taken up again after a restart: it may do what this life did not order.
    pub(crate) adopted: bool,
    /// Its work directory, absolute, as it says itself.
    pub(crate) work_dir: String,
    /// Ends with the claim.
    pub(crate) _watch: AbortOnDropHandle<()>,
}

impl Leased {
    /// Where an exec of this attempt folder runs, for the builder.
    pub(crate) fn place(&self, config: &BuilderConfig, attempt_dir: &str) -> Place {
        let Platform { os, arch } = platform(self.client.extensions(), config);
        let separator = if os == "windows" { "\\" } else { "/" };
        let below = |path: &str| format!("{}{separator}{path}", self.work_dir);
        Place {
            work_dir: self.work_dir.clone(),
            tree: below(&config.root),
            attempt_dir: below(attempt_dir),
            os,
            arch,
            host_type: self.machine.host_type.clone(),
            local: self.local,
        }
    }
}

/// What a machine is: as it says itself, else (Go's buildlets do not say) as its builder wants it.
fn platform(extensions: Option<&Extensions>, config: &BuilderConfig) -> Platform {
    let own = extensions.map(|extensions| extensions.platform.clone()).unwrap_or_default();
    let or = |own: String, builders: &str| if own.is_empty() { builders.to_owned() } else { own };
    Platform { os: or(own.os, &config.os), arch: or(own.arch, &config.arch) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_what_it_says_and_else_what_its_builder_wants() {
        let config = BuilderConfig { os: "linux".into(), arch: "386".into(), ..BuilderConfig::default() };
        let of = |os: &str, arch: &str| Extensions {
            platform: Platform { os: os.into(), arch: arch.into() },
            ..Extensions::default()
        };
        let wanted = Platform { os: "linux".into(), arch: "386".into() };
        assert_eq!(platform(Some(&of("linux", "amd64")), &config), of("linux", "amd64").platform);
        assert_eq!(platform(None, &config), wanted, "one of Go's");
        assert_eq!(platform(Some(&of("", "")), &config), wanted, "an agent of before");
    }
}
