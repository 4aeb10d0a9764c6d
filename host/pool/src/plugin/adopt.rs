//! Takes up machines that an earlier life made.

use std::sync::Arc;

use buildlet::Secret;
use engine::{LeaseId, Machine};

use super::machine::{Numbered, Wanted, wait_until_ready};
use super::shared::{HeldMachine, Leased, Made, Place, Shared};
use crate::connect::machine_of;
use crate::seen::Sight;
use crate::{AdoptRequest, Granted, Holder, PoolError, Seen};

/// Looks for a held machine and connects to it under the number that it knows.
pub(super) async fn adopt(shared: &Arc<Shared>, request: &AdoptRequest) -> Result<Granted, PoolError> {
    let mut adopting = Adopting::enter(shared, request)?;
    let held = adopting.held.clone().expect("it was just entered");
    let wanted = Wanted {
        name: &held.name,
        handle: &held.handle,
        password: &Secret::new(held.password.clone()),
        numbers: Numbered::Again(held.number),
        within: shared.settings.adopt,
    };
    let client = match wait_until_ready(shared.source.as_ref(), &shared.settings, &wanted).await {
        Ok((client, _)) => client,
        Err(error) => {
            adopting.failed();
            return Err(lost(error));
        }
    };
    let machine = Machine { machine: machine_of(&client), ..request.machine.clone() };
    adopting.granted();
    Ok(Granted { lease: request.lease, machine, client, local: None, notes: Vec::new() })
}

/// Of a machine that was there, being away is being lost.
fn lost(error: PoolError) -> PoolError {
    if let PoolError::NotReady { name, limit, waiting_for } = error {
        return PoolError::Lost { name, cause: format!("it did not answer within {limit:?}: {waiting_for}") };
    }
    if let PoolError::Gone { name, cause } = error {
        return PoolError::Lost { name, cause };
    }
    error
}

/// A machine that is being taken up; dropping it leaves the machine held.
struct Adopting<'a> {
    shared: &'a Arc<Shared>,
    lease: LeaseId,
    /// Until it is decided.
    held: Option<HeldMachine>,
    place: Option<Place>,
}

impl<'a> Adopting<'a> {
    fn enter(shared: &'a Arc<Shared>, request: &AdoptRequest) -> Result<Adopting<'a>, PoolError> {
        let lease = request.lease;
        let mut state = shared.state();
        if state.machines.contains_key(&lease) {
            return Err(PoolError::LeaseInUse(lease));
        }
        let wanted = |held: &HeldMachine| {
            held.lease == lease && held.build == request.build && held.name == request.machine.name
        };
        let found = state.held.iter().position(wanted);
        let found = found.ok_or_else(|| PoolError::NotHeld { lease, name: request.machine.name.clone() })?;
        let held = state.held.swap_remove(found);
        state.names.insert(held.name.clone());
        let sight = Sight::new(request.machine.host_type.clone(), Seen::Waits(request.holder()));
        state.machines.insert(lease, Made { name: held.name.clone(), sight });
        drop(state);
        let place = Place { shared: Arc::downgrade(shared), lease };
        Ok(Adopting { shared, lease, held: Some(held), place: Some(place) })
    }

    fn granted(&mut self) {
        if let (Some(held), Some(place)) = (self.held.take(), self.place.take()) {
            let holder = Holder { build: held.build, lease: self.lease };
            let leased = Leased { name: held.name, handle: held.handle, number: held.number, place };
            self.shared.state().hold(holder, leased, true);
        }
    }

    fn failed(&mut self) {
        if let Some(held) = self.held.take() {
            self.shared.give_up(held);
        }
    }
}

impl Drop for Adopting<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let mut state = self.shared.state();
            state.names.remove(&held.name);
            state.held.push(held);
        }
    }
}
