//! What a pool plugin offers, call by call the interface of `muster:pool`; `plugin-host` implements it for components.

use std::path::PathBuf;

use async_trait::async_trait;
use buildlet::Secret;
use thiserror::Error;

use crate::Capacity;

/// Makes and destroys machines. It keeps no state: what exists is what `list` finds.
#[async_trait]
pub trait MachineSource: Send + Sync {
    /// Begins to make a machine; returns its handle.
    ///
    /// # Errors
    /// If it refuses or fails.
    async fn create(&self, spec: &MachineSpec) -> Result<String, SourceError>;

    /// How a machine is now.
    ///
    /// # Errors
    /// If it cannot be told. A machine that is gone is no error.
    async fn describe(&self, handle: &str) -> Result<SourceMachine, SourceError>;

    /// Every machine that carries all of these labels, those of earlier coordinators too.
    ///
    /// # Errors
    /// If it cannot be told.
    async fn list(&self, labels: &[(String, String)]) -> Result<Vec<SourceMachine>, SourceError>;

    /// Destroys a machine. Destroying what is gone is no error.
    ///
    /// # Errors
    /// If it could not be destroyed.
    async fn destroy(&self, handle: &str) -> Result<(), SourceError>;

    /// Whether it makes machines of this type.
    ///
    /// # Errors
    /// If it cannot be told.
    async fn can_build(&self, host_type: &str) -> Result<bool, SourceError>;

    /// How many machines of this type there can be.
    ///
    /// # Errors
    /// If it cannot be told.
    async fn capacity(&self, host_type: &str) -> Result<Capacity, SourceError>;
}

/// A machine to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineSpec {
    /// Its class.
    pub host_type: String,
    /// Unique; at most 61 letters, digits and `-`.
    pub name: String,
    /// Put on the machine so that `list` finds it: coordinator, pool, build, lease.
    pub labels: Vec<(String, String)>,
    /// The `muster` binary as this machine has it, for sources that share its file system.
    pub agent_binary: PathBuf,
    /// Content of the password file that the agent is to read.
    pub password: Secret,
    /// Seconds after which the machine may be destroyed by anyone.
    pub max_life_seconds: u64,
}

/// A machine as its source sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceMachine {
    /// What its source calls it.
    pub handle: String,
    /// The name it was made with.
    pub name: String,
    /// The labels it was made with.
    pub labels: Vec<(String, String)>,
    /// How far it is.
    pub state: MachineState,
    /// Seconds since 1970 at which it was made, where known.
    pub created: Option<u64>,
}

/// How far a machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineState {
    /// Not yet reachable; a word on what it waits for.
    Starting(String),
    /// The buildlet's URL, without the password.
    Ready(String),
    /// Gone or failed, with the cause.
    Gone(String),
}

/// A source's call failed. Its text is the source's own, with the plugin's name and digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SourceError {
    /// In words.
    pub message: String,
    /// Asking again later can help.
    pub retryable: bool,
}
