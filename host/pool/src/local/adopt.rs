//! Takes up agents that an earlier life started.

use std::sync::Arc;

use crate::connect::reconnect;
use crate::{AdoptRequest, Granted, PoolError};

use super::claim::Claim;
use super::shared::{Held, Leased, Shared};

/// Connects to a held machine under the number that it knows.
pub(super) async fn adopt(shared: &Arc<Shared>, request: &AdoptRequest) -> Result<Granted, PoolError> {
    let mut adopting = Adopting::enter(shared, request)?;
    let name = request.machine.name.clone();
    let (running, url, number) = {
        let found = &adopting.held.as_ref().expect("it was just entered").found;
        (found.record.process.runs(), found.url(), found.record.number)
    };
    let lost = |cause| PoolError::Lost { name: name.clone(), cause };
    let connected = match (running, url) {
        (false, _) => Err(lost("its process has ended".to_owned())),
        (true, Err(cause)) => Err(lost(cause)),
        (true, Ok(url)) => reconnect(&name, &url, &shared.settings.client, number).await,
    };
    let Some(held) = adopting.held.take() else { return Err(PoolError::ShutDown) };
    match connected {
        Ok(client) => {
            let leased = Leased { agent: held.found.agent(), client, place: held.place };
            let granted = shared.granted(request.lease, name, request.machine.host_type.clone(), &leased);
            adopting.claim.granted = true;
            shared.hold(request.holder(), request.machine.host_type.clone(), leased, true);
            Ok(granted)
        }
        Err(error) => {
            shared.give_up(held);
            Err(error)
        }
    }
}

/// A machine that is being taken up; dropping it leaves the machine held.
struct Adopting<'a> {
    shared: &'a Arc<Shared>,
    claim: Claim,
    /// Until it is decided.
    held: Option<Held>,
}

impl<'a> Adopting<'a> {
    fn enter(shared: &'a Arc<Shared>, request: &AdoptRequest) -> Result<Adopting<'a>, PoolError> {
        let claim = Claim::make(shared, request.lease)?;
        let mut state = shared.state();
        let found = state.held.iter().position(|held| {
            let record = &held.found.record;
            record.lease == request.lease && record.build == request.build && record.name == request.machine.name
        });
        let held = found.map(|found| state.held.swap_remove(found));
        // The claim is given back under the same lock.
        drop(state);
        match held {
            Some(held) => Ok(Adopting { shared, claim, held: Some(held) }),
            None => Err(PoolError::NotHeld { lease: request.lease, name: request.machine.name.clone() }),
        }
    }
}

impl Drop for Adopting<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.shared.state().held.push(held);
        }
    }
}
