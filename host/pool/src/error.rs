//! How a pool fails.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use buildlet::client::{CallFailure, FailureKind};
use engine::{ExecFailureKind, LeaseId};
use thiserror::Error;

use crate::LedgerError;

/// What went wrong in a pool. Messages fit after "failed to".
#[derive(Debug, Error)]
pub enum PoolError {
    /// Machines of this type never come from here.
    #[error("get a machine of type `{host_type}`: {refusal}")]
    CannotBuild {
        /// The type that was asked for.
        host_type: String,
        /// Why.
        refusal: Refusal,
    },
    /// The caller gave up.
    #[error("get a machine: the request was canceled")]
    Canceled,
    /// The pool is being shut down.
    #[error("get a machine: the pool is shut down")]
    ShutDown,
    /// A lease number was used twice: a defect of the caller.
    #[error("grant lease {0}: that number is in use")]
    LeaseInUse(LeaseId),
    /// Folders of a machine cannot be made.
    #[error("prepare `{}` for a buildlet", path.display())]
    Prepare {
        /// Which.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The agent's process cannot be started.
    #[error("start buildlet `{}`", program.display())]
    Spawn {
        /// Its binary.
        program: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The agent's process ended, or said something else, before it said where it listens.
    #[error("start buildlet {name}: {cause}")]
    Start {
        /// The machine.
        name: String,
        /// What it did instead, with the end of what it wrote.
        cause: String,
    },
    /// A machine does not answer as a buildlet should.
    #[error("reach buildlet {name}")]
    Connect {
        /// The machine.
        name: String,
        /// What happened.
        #[source]
        source: CallFailure,
    },
    /// It answers, but is not a buildlet we can use.
    #[error("use buildlet {name}: {cause}")]
    Unusable {
        /// The machine.
        name: String,
        /// Why.
        cause: String,
    },
    /// It was not ready in time.
    #[error("get machine {name} ready within {limit:?}: {waiting_for}")]
    NotReady {
        /// The machine.
        name: String,
        /// The limit.
        limit: Duration,
        /// What it waited for, as last heard.
        waiting_for: String,
    },
    /// The machine went away while it was starting.
    #[error("get machine {name} ready: it is gone: {cause}")]
    Gone {
        /// The machine.
        name: String,
        /// Why.
        cause: String,
    },
    /// No machine waits to be taken up under this lease: it never did, was released, or was taken up already.
    #[error("take up {name} again: no machine waits for lease {lease}")]
    NotHeld {
        /// The lease.
        lease: LeaseId,
        /// The machine that was asked for.
        name: String,
    },
    /// A machine is no orphan: a lease holds it, or it is being destroyed.
    #[error("destroy orphan {name}: it is in use")]
    Held {
        /// The machine.
        name: String,
    },
    /// A machine that was held is gone.
    #[error("take up {name} again: it is gone: {cause}")]
    Lost {
        /// The machine.
        name: String,
        /// Why.
        cause: String,
    },
    /// A machine that was held is there, but what ran on it is not to be had.
    #[error("take up {name} again: it cannot be taken up: {cause}")]
    CannotAdopt {
        /// The machine.
        name: String,
        /// Why.
        cause: String,
    },
    /// The folder in which the next life looks for machines of this one cannot be used.
    #[error("keep the leases of pool `{pool}` in `{}`", path.display())]
    Keep {
        /// The pool.
        pool: String,
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// What whoever comes next must know of a lease could not be written, or what was written before could not be read.
    #[error("keep the leases of pool `{pool}`")]
    Ledger {
        /// The pool.
        pool: String,
        /// The ledger's reason.
        #[source]
        source: LedgerError,
    },
    /// The source of machines refused a call.
    #[error("{call} a machine in pool `{pool}`")]
    Source {
        /// What was asked: `create`, `describe`, `list`, `destroy`.
        call: &'static str,
        /// Which pool.
        pool: String,
        /// Its answer.
        #[source]
        source: crate::plugin::SourceError,
    },
}

impl PoolError {
    /// What the engine is told.
    #[must_use]
    pub fn kind(&self) -> ExecFailureKind {
        match self {
            PoolError::CannotBuild { .. }
            | PoolError::LeaseInUse(_)
            | PoolError::Unusable { .. }
            | PoolError::CannotAdopt { .. } => ExecFailureKind::Refused,
            PoolError::Prepare { source, .. } | PoolError::Keep { source, .. }
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                ExecFailureKind::DiskFull
            }
            PoolError::Connect { source, .. } if source.kind == FailureKind::DiskFull => ExecFailureKind::DiskFull,
            PoolError::Start { .. }
            | PoolError::Connect { .. }
            | PoolError::NotReady { .. }
            | PoolError::NotHeld { .. }
            | PoolError::Lost { .. }
            | PoolError::Gone { .. } => ExecFailureKind::MachineLost,
            PoolError::Canceled
            | PoolError::ShutDown
            | PoolError::Prepare { .. }
            | PoolError::Keep { .. }
            | PoolError::Held { .. }
            | PoolError::Ledger { .. }
            | PoolError::Spawn { .. }
            | PoolError::Source { .. } => ExecFailureKind::Other,
        }
    }

    /// The message and those of all its causes.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }

    /// Whether asking again later can help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, PoolError::CannotBuild { .. } | PoolError::ShutDown | PoolError::LeaseInUse(_))
    }
}

/// Why a pool never gives machines of a type, in words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Refusal(pub String);
