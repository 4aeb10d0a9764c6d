//! The machines of a build.

use engine::{BuildFacts, LeaseFacts, LeaseId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{RoleWord, unix_ms};

/// A machine that serves or served a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MachineView {
    /// The number of the claim on it.
    pub lease: u64,
    /// As people know it.
    pub name: String,
    /// Its class.
    pub host_type: String,
    /// The pool it came from.
    pub pool: String,
    /// What it is to the build.
    pub role: RoleWord,
    /// When it came, in milliseconds since 1970.
    pub joined_ms: u64,
    /// When the made tree stood there.
    pub ready_ms: Option<u64>,
    /// When it went.
    pub left_ms: Option<u64>,
    /// How it was lost, if it was.
    pub lost: Option<String>,
    /// The attempt that runs there now.
    pub running: Option<u64>,
}

/// Every machine, in the order they came.
pub fn machines(facts: &BuildFacts) -> Vec<MachineView> {
    facts.leases.iter().map(|(id, lease)| machine(facts, *id, lease)).collect()
}

/// The attempt that runs on the machine of a claim now.
pub(crate) fn running_on(facts: &BuildFacts, lease: LeaseId) -> Option<u64> {
    let mut attempts = facts.attempts.iter().rev();
    attempts.find(|(_, attempt)| attempt.lease == lease && attempt.ended.is_none()).map(|(id, _)| id.0)
}

fn machine(facts: &BuildFacts, id: LeaseId, lease: &LeaseFacts) -> MachineView {
    MachineView {
        lease: id.0,
        name: lease.machine.name.clone(),
        host_type: lease.machine.host_type.clone(),
        pool: lease.machine.pool.clone(),
        role: lease.role.into(),
        joined_ms: unix_ms(lease.granted),
        ready_ms: lease.ready.map(unix_ms),
        left_ms: lease.ended.as_ref().map(|(at, _)| unix_ms(*at)),
        lost: lease.ended.as_ref().and_then(|(_, lost)| lost.as_ref().map(ToString::to_string)),
        running: running_on(facts, id),
    }
}
