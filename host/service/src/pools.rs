//! Pools and their machines, with what the builds that hold them are doing.

use engine::{BuildId, LeaseId};

use crate::ports::{PoolMachine, PoolView};
use crate::service::Service;
use crate::view::running_on;

impl Service {
    /// Every pool, and what its machines do.
    pub(crate) async fn pools(&self) -> Vec<PoolView> {
        let mut pools = self.planner().pools().await;
        for machine in pools.iter_mut().flat_map(|pool| &mut pool.machines) {
            self.look_at(machine).await;
        }
        pools
    }

    /// Says of a machine what the build that holds it is doing there.
    async fn look_at(&self, machine: &mut PoolMachine) {
        let Some(build) = machine.build else { return };
        // A build that is gone meanwhile is no reason to show nothing.
        let Ok(known) = self.known(BuildId(build)).await else { return };
        known.look(|facts, _| {
            machine.phase = Some(facts.phase().into());
            machine.running = machine.lease.and_then(|lease| running_on(facts, LeaseId(lease)));
        });
    }
}
