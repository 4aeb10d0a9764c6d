//! The queue for machines: first come first served, and what is down is tried again after a while.

use std::collections::BTreeMap;
use std::sync::Arc;

use buildlet::client::Client;
use buildlet::protocol::Lease;
use engine::HostType;
use tokio::time::Instant;

use super::machine::{UrlMachine, UrlState};
use super::shared::{Leased, Shared};
use crate::{Holder, LeaseRequest, PoolError, Seen};

/// Whose turn it is.
pub(super) enum Turn {
    /// This machine is claimed by the request.
    Claimed(usize),
    /// Not yet; at the latest then there is something to try.
    Wait(Option<Instant>),
}

/// A request in the queue; dropping it leaves the queue and gives back what it claimed.
pub(super) struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    holder: Holder,
    host_type: HostType,
    turn: u64,
    claimed: Option<usize>,
    /// Machines that this request found down, with the cause.
    failures: BTreeMap<usize, String>,
    done: bool,
}

impl<'a> Waiting<'a> {
    pub(super) fn enter(shared: &'a Arc<Shared>, request: &LeaseRequest) -> Result<Waiting<'a>, PoolError> {
        let (holder, host_type) = (request.holder(), request.host_type.clone());
        let lease = holder.lease;
        let mut state = shared.state();
        if !state.claims.insert(lease) {
            return Err(PoolError::LeaseInUse(lease));
        }
        let turn = state.next_turn;
        state.next_turn += 1;
        state.queue.insert(turn, lease);
        Ok(Waiting { shared, holder, host_type, turn, claimed: None, failures: BTreeMap::new(), done: false })
    }

    /// Claims the first free machine if nobody was here before; fails when this request found each machine down.
    pub(super) fn claim(&mut self) -> Result<Turn, PoolError> {
        let now = Instant::now();
        let mut guard = self.shared.state();
        let state = &mut *guard;
        if self.failures.len() == state.machines.len() {
            return Err(none_usable(&self.failures, &state.machines));
        }
        let in_use = |machine: &UrlMachine| {
            matches!(machine.state, UrlState::Held(_) | UrlState::Claimed { .. } | UrlState::Cleaning)
        };
        if state.machines.iter().any(in_use) {
            // We wait in any case, so that what was down a while ago may be tried again.
            self.failures.retain(|index, _| !state.machines[*index].is_free(now));
        }
        // Those before us in the queue that wait for the same machines come first.
        let ahead = state.queue.range(..self.turn).count();
        let mut free = (0..state.machines.len())
            .filter(|index| !self.failures.contains_key(index) && state.machines[*index].is_free(now));
        if let Some(index) = free.nth(ahead) {
            state.machines[index].turn(self.claims(Seen::Prepared(self.holder)));
            state.queue.remove(&self.turn);
            self.claimed = Some(index);
            return Ok(Turn::Claimed(index));
        }
        let mut next: Option<Instant> = None;
        for (index, machine) in state.machines.iter().enumerate() {
            let UrlState::Down { again, cause } = &machine.state else { continue };
            // Somebody else found it down a moment ago: that is as good as having tried.
            let known = *again <= now || self.failures.insert(index, cause.clone()).is_some();
            let look = if known { (*again).max(now) } else { now };
            next = Some(next.map_or(look, |next| next.min(look)));
        }
        Ok(Turn::Wait(next))
    }

    /// The state of a machine that this request has.
    fn claims(&self, seen: Seen) -> UrlState {
        UrlState::Claimed { host_type: self.host_type.clone(), seen }
    }

    pub(super) fn granted(&mut self, index: usize, number: Lease, client: &Arc<Client>) {
        let mut state = self.shared.state();
        state.granted.insert(self.holder.lease, Leased { index, number, client: Arc::clone(client) });
        state.machines[index].broken = None;
        state.machines[index].turn(self.claims(Seen::Leased { holder: self.holder, adopted: false }));
        self.done = true;
    }

    pub(super) fn failed(&mut self, index: usize, error: &PoolError) {
        let cause = error.chain();
        tracing::warn!(cause, "a machine is skipped");
        let mut state = self.shared.state();
        state.machines[index].down(cause.clone(), self.shared.settings.retry);
        state.queue.insert(self.turn, self.holder.lease);
        drop(state);
        self.failures.insert(index, cause);
        self.claimed = None;
        self.shared.wake();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.queue.remove(&self.turn);
        if !self.done {
            state.claims.remove(&self.holder.lease);
            if let Some(index) = self.claimed {
                state.machines[index].turn(UrlState::Idle);
            }
        }
        drop(state);
        self.shared.wake();
    }
}

fn none_usable(failures: &BTreeMap<usize, String>, machines: &[UrlMachine]) -> PoolError {
    let names: Vec<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
    let causes: Vec<&str> = failures.values().map(String::as_str).collect();
    PoolError::Unusable { name: names.join(", "), cause: causes.join("; ") }
}
