//! Takes up machines that an earlier life leased.

use std::sync::Arc;

use engine::{HostType, LeaseId, Machine};

use super::machine::{HeldUrl, UrlState};
use super::shared::{Leased, Shared, instance};
use crate::connect::{machine_of, reconnect};
use crate::{AdoptRequest, Granted, Holder, PoolError, Seen};

/// What is told of a machine whose agent is another than the one that was leased.
const RESTARTED: &str = "its agent was restarted meanwhile: commands that ran are gone";

/// Connects to a held machine under the number that it knows.
pub(super) async fn adopt(shared: &Arc<Shared>, request: &AdoptRequest) -> Result<Granted, PoolError> {
    let mut adopting = Adopting::enter(shared, request)?;
    let (name, url) = shared.place_of(adopting.index);
    let held = adopting.held.clone();
    let client = match reconnect(&name, &url, &shared.settings.client, held.number).await {
        Ok(client) => client,
        Err(error) => {
            adopting.failed(&error);
            return Err(error);
        }
    };
    let mut notes = Vec::new();
    if instance(&client) != held.instance {
        notes.push(RESTARTED.to_owned());
    }
    let machine = Machine { machine: machine_of(&client), ..request.machine.clone() };
    adopting.granted(Leased { index: adopting.index, number: held.number, client: Arc::clone(&client) });
    Ok(Granted { lease: request.lease, machine, client, local: None, notes })
}

/// A machine that is being taken up; dropping it leaves the machine held.
struct Adopting<'a> {
    shared: &'a Arc<Shared>,
    lease: LeaseId,
    index: usize,
    held: HeldUrl,
    host_type: HostType,
    done: bool,
}

impl<'a> Adopting<'a> {
    fn enter(shared: &'a Arc<Shared>, request: &AdoptRequest) -> Result<Adopting<'a>, PoolError> {
        let (lease, host_type) = (request.lease, request.machine.host_type.clone());
        let mut state = shared.state();
        if state.claims.contains(&lease) {
            return Err(PoolError::LeaseInUse(lease));
        }
        let wanted =
            |held: &HeldUrl| held.lease == lease && held.build == request.build && held.name == request.machine.name;
        let found = state.machines.iter_mut().enumerate().find_map(|(index, machine)| match &machine.state {
            UrlState::Held(held) if wanted(held) => {
                let held = held.clone();
                let seen = Seen::Waits(request.holder());
                machine.turn(UrlState::Claimed { host_type: host_type.clone(), seen });
                Some((index, held))
            }
            UrlState::Held(_)
            | UrlState::Idle
            | UrlState::Claimed { .. }
            | UrlState::Cleaning
            | UrlState::Down { .. } => None,
        });
        let (index, held) = found.ok_or_else(|| PoolError::NotHeld { lease, name: request.machine.name.clone() })?;
        state.claims.insert(lease);
        drop(state);
        Ok(Adopting { shared, lease, index, held, host_type, done: false })
    }

    fn granted(&mut self, leased: Leased) {
        let holder = Holder { build: self.held.build, lease: self.lease };
        let seen = Seen::Leased { holder, adopted: true };
        let mut state = self.shared.state();
        state.machines[self.index].turn(UrlState::Claimed { host_type: self.host_type.clone(), seen });
        state.granted.insert(self.lease, leased);
        self.done = true;
    }

    /// The lease is over. The machine is emptied before its next one.
    fn failed(&mut self, error: &PoolError) {
        self.done = true;
        self.shared.forget(self.held.number);
        let mut state = self.shared.state();
        state.claims.remove(&self.lease);
        state.machines[self.index].down(error.chain(), self.shared.settings.retry);
        drop(state);
        self.shared.wake();
    }
}

impl Drop for Adopting<'_> {
    fn drop(&mut self) {
        if !self.done {
            let mut state = self.shared.state();
            state.claims.remove(&self.lease);
            state.machines[self.index].turn(UrlState::Held(self.held.clone()));
        }
    }
}
