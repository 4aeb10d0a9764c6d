//! The port: a source of buildlets.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use buildlet::client::Client;
use engine::{BuildId, HostType, LeaseId, Machine, Role};
use tokio_util::sync::CancellationToken;

use crate::{Holder, PoolError, Refusal, SeenMachine};

/// A source of buildlets. One machine serves one lease; [`conformance`](crate::conformance) is what each must pass.
#[async_trait]
pub trait Pool: Send + Sync {
    /// Waits for a machine and claims it. Dropping the future or `cancel` gives up the place in the queue, and what
    /// was begun for it is undone in the background.
    ///
    /// # Errors
    /// If no machine will come of this request; [`PoolError::Canceled`] when `cancel` ended it.
    async fn acquire(&self, request: LeaseRequest, cancel: CancellationToken) -> Result<Granted, PoolError>;

    /// Takes up a machine that an earlier life of this coordinator held under this lease: connected under the number
    /// that the machine knows, so that what runs on it goes on. Dropping the future or `cancel` leaves the machine as it
    /// was. What cannot be taken up is destroyed, and is an error at once: it is gone, or what ran on it cannot be
    /// attached to.
    ///
    /// # Errors
    /// If no machine waits under this lease, or it cannot be taken up.
    async fn adopt(&self, request: AdoptRequest, cancel: CancellationToken) -> Result<Granted, PoolError>;

    /// Ends a lease. Returns at once: the machine is cleaned, returned or destroyed in the background, within a
    /// deadline. Releasing what is not leased (any more) does nothing.
    async fn release(&self, lease: LeaseId, condition: Condition);

    /// Whether machines of this type can ever come from here.
    ///
    /// # Errors
    /// If not: the reason.
    async fn can_build(&self, host_type: &str) -> Result<(), Refusal>;

    /// How many machines of this type there are.
    async fn capacity(&self, host_type: &str) -> Capacity;

    /// The machines there are, and those that are being made: what each is now, by name.
    async fn machines(&self) -> Vec<SeenMachine>;

    /// Machines of this coordinator's that no lease holds: left by an earlier life. Those that can still be adopted are
    /// among them, so that whoever destroys orphans waits for the end of the adoption window.
    ///
    /// # Errors
    /// If the source of machines cannot tell.
    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError>;

    /// Destroys an orphan. Destroying what is gone is no error; what a lease holds, since it was adopted meanwhile, is left
    /// alone.
    ///
    /// # Errors
    /// If the source of machines refuses, or the machine is leased.
    async fn destroy_orphan(&self, orphan: &Orphan) -> Result<(), PoolError>;

    /// Ends all leases, refuses further ones, and returns when nothing is left behind or the deadlines have passed.
    async fn shutdown(&self);

    /// Ends this life of the pool: refuses further leases, destroys to the end what is being destroyed, and leaves
    /// leased machines as they are to the next life, which adopts them. Where machines cannot outlive the process this is
    /// [`shutdown`](Pool::shutdown).
    async fn leave(&self);
}

/// What a lease is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The number of the claim. No two requests of one coordinator have the same.
    pub lease: LeaseId,
    /// For which build.
    pub build: BuildId,
    /// What the machine will be to it.
    pub role: Role,
    /// The class of machine.
    pub host_type: HostType,
}

impl LeaseRequest {
    /// Whose the machine is going to be.
    pub(crate) fn holder(&self) -> Holder {
        Holder { build: self.build, lease: self.lease }
    }
}

/// A lease that is to be taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptRequest {
    /// The number that it had.
    pub lease: LeaseId,
    /// For which build.
    pub build: BuildId,
    /// What the machine is to it.
    pub role: Role,
    /// The machine, as it was granted.
    pub machine: Machine,
}

impl AdoptRequest {
    /// Whose the machine is.
    pub(crate) fn holder(&self) -> Holder {
        Holder { build: self.build, lease: self.lease }
    }
}

/// A claimed machine. There is one value for each lease, and it is not `Clone`: a claim cannot exist twice.
#[derive(Debug)]
pub struct Granted {
    /// The claim.
    pub lease: LeaseId,
    /// Which machine.
    pub machine: Machine,
    /// Connected and watched; its lease number is set, and what it says of itself is
    /// [`Client::peer`](buildlet::client::Client::peer).
    pub client: Arc<Client>,
    /// Set where the machine is this one.
    pub local: Option<LocalInfo>,
    /// What the pool could not do for it: limits or isolation that this machine does not allow, in words for the log.
    pub notes: Vec<String>,
}

/// A machine that is a process on this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalInfo {
    /// The agent's process id.
    pub pid: u32,
    /// Its work directory, which this process can read and write.
    pub work_dir: PathBuf,
}

/// In what condition a machine is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It did all that it was asked.
    Sound,
    /// It failed us: it is never granted again.
    Broken {
        /// How.
        cause: String,
    },
}

impl Condition {
    /// How it broke, if it did.
    pub(crate) fn cause(self) -> Option<String> {
        match self {
            Condition::Sound => None,
            Condition::Broken { cause } => Some(cause),
        }
    }
}

/// How many machines there are of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The most there can be at a time, where that is known.
    pub total: Option<u32>,
    /// Those that are leased, or are on their way to be.
    pub used: u32,
    /// Machines are made on demand, rather than taken from a fixed set.
    pub elastic: bool,
}

/// A machine that no lease holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// What its source calls it.
    pub handle: String,
    /// As people know it.
    pub name: String,
    /// The pool it is in.
    pub pool: String,
    /// Seconds since 1970 at which it was made, where known.
    pub created: Option<u64>,
}
