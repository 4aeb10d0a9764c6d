//! What a request has while it is served: its number, and room for its machine.

use std::sync::{Arc, Weak};

use engine::LeaseId;
use tokio::sync::OwnedSemaphorePermit;

use super::shared::Shared;
use super::survivor::MachineRecord;
use crate::seen::Sight;
use crate::{Holder, LeaseRequest, PoolError, Seen};

/// A lease number in use; given back unless a machine was granted under it.
pub(super) struct Claim {
    shared: Arc<Shared>,
    lease: LeaseId,
    pub(super) granted: bool,
}

impl Claim {
    pub(super) fn make(shared: &Arc<Shared>, lease: LeaseId) -> Result<Claim, PoolError> {
        if !shared.state().claims.insert(lease) {
            return Err(PoolError::LeaseInUse(lease));
        }
        Ok(Claim { shared: Arc::clone(shared), lease, granted: false })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.granted {
            self.shared.state().claims.remove(&self.lease);
        }
    }
}

/// Room for one machine, and its number.
pub(super) struct Place {
    /// Weak, because the pool holds it, too.
    shared: Weak<Shared>,
    pub(super) number: u32,
    /// None: an earlier life had more machines than there may be now.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Room for a machine that is going to be made.
    pub(super) fn take(shared: &Arc<Shared>, permit: OwnedSemaphorePermit, request: &LeaseRequest) -> Place {
        let mut state = shared.state();
        let is_free = |number: &u32| !state.machines.contains_key(number);
        let number = (1..).find(is_free).expect("fewer are in use than there are");
        state.machines.insert(number, Sight::new(request.host_type.clone(), Seen::Prepared(request.holder())));
        drop(state);
        Place { shared: Arc::downgrade(shared), number, _permit: Some(permit) }
    }

    /// The room of a machine that is there already.
    pub(super) fn keep(shared: &Arc<Shared>, record: &MachineRecord) -> Place {
        let permit = Arc::clone(&shared.places).try_acquire_owned().ok();
        let holder = Holder { build: record.build, lease: record.lease };
        shared.state().machines.insert(record.place, Sight::new(String::new(), Seen::Waits(holder)));
        Place { shared: Arc::downgrade(shared), number: record.place, _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.state().machines.remove(&self.number);
        }
    }
}
