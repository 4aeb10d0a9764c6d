//! What a build knows of restarts of its coordinator.

use std::collections::BTreeSet;

use crate::{LeaseId, Time};

/// A restart of the coordinator, as a build under way saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartFacts {
    /// When it was there again.
    pub at: Time,
    /// Machines that were asked for and have not answered.
    pub asked: BTreeSet<LeaseId>,
    /// Machines that were taken up again.
    pub adopted: BTreeSet<LeaseId>,
    /// Machines that were given up.
    pub given_up: BTreeSet<LeaseId>,
}

impl RestartFacts {
    pub(super) fn new(at: Time, leases: &[LeaseId]) -> RestartFacts {
        let asked = leases.iter().copied().collect();
        RestartFacts { at, asked, adopted: BTreeSet::new(), given_up: BTreeSet::new() }
    }
}

/// What became of a machine that the latest restart asked for.
pub(super) fn answered(restarts: &mut [RestartFacts], lease: LeaseId, adopted: bool) {
    let Some(last) = restarts.last_mut() else { return };
    if last.asked.remove(&lease) {
        if adopted { &mut last.adopted } else { &mut last.given_up }.insert(lease);
    }
}
