//! Machines as their pool sees them, for people.

use std::time::SystemTime;

use engine::{BuildId, HostType, LeaseId};

/// A machine as its pool sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMachine {
    /// As people know it.
    pub name: String,
    /// The class it was asked for as; empty: nobody asked yet.
    pub host_type: HostType,
    /// What it is to the pool.
    pub state: Seen,
    /// Since when it is that.
    pub since: SystemTime,
}

/// What a machine is to its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nobody uses it.
    Free,
    /// It is made, or connected to and emptied, for a lease.
    Prepared(Holder),
    /// A lease holds it.
    Leased {
        /// Which.
        holder: Holder,
        /// An earlier life of the coordinator leased it, and this one took it up.
        adopted: bool,
    },
    /// An earlier life of the coordinator leased it, and nobody has taken it up yet.
    Waits(Holder),
    /// Its lease is over: it is being emptied, or destroyed.
    Leaving {
        /// How it broke, if it did.
        broken: Option<String>,
    },
    /// It does not answer as it should, and is tried again after a while: why.
    Down(String),
}

/// Whose a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The build.
    pub build: BuildId,
    /// Its claim.
    pub lease: LeaseId,
}

/// What is seen of a machine, whatever it is called.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) host_type: HostType,
    state: Seen,
    since: SystemTime,
}

impl Sight {
    /// It is this from now on.
    pub(crate) fn new(host_type: HostType, state: Seen) -> Sight {
        Sight { host_type, state, since: SystemTime::now() }
    }

    /// It is something else from now on.
    pub(crate) fn turn(&mut self, state: Seen) {
        *self = Sight::new(std::mem::take(&mut self.host_type), state);
    }

    /// The machine of this name.
    pub(crate) fn of(&self, name: String) -> SeenMachine {
        SeenMachine { name, host_type: self.host_type.clone(), state: self.state.clone(), since: self.since }
    }
}
