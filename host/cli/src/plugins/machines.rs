//! A pool plugin as a source of machines.

use std::sync::Arc;

use async_trait::async_trait;
use plugin_host::{PoolFault, PoolPlugin};
use pool::Capacity;
use pool::plugin::{MachineSource, MachineSpec, MachineState, SourceError, SourceMachine};

/// A pool plugin, seen by the pool over it.
pub struct PluginMachines(pub Arc<dyn PoolPlugin>);

#[async_trait]
impl MachineSource for PluginMachines {
    async fn create(&self, spec: &MachineSpec) -> Result<String, SourceError> {
        let spec = plugin_host::MachineSpec {
            host_type: spec.host_type.clone(),
            name: spec.name.clone(),
            labels: spec.labels.clone(),
            agent_binary: spec.agent_binary.to_string_lossy().into_owned(),
            password: spec.password.reveal().to_owned(),
            max_life: spec.max_life_seconds,
            extra: Vec::new(),
        };
        self.0.create(&spec).await.map_err(failed)
    }

    async fn describe(&self, handle: &str) -> Result<SourceMachine, SourceError> {
        self.0.describe(handle).await.map(machine).map_err(failed)
    }

    async fn list(&self, labels: &[(String, String)]) -> Result<Vec<SourceMachine>, SourceError> {
        self.0.list(labels).await.map(|machines| machines.into_iter().map(machine).collect()).map_err(failed)
    }

    async fn destroy(&self, handle: &str) -> Result<(), SourceError> {
        self.0.destroy(handle).await.map_err(failed)
    }

    async fn can_build(&self, host_type: &str) -> Result<bool, SourceError> {
        self.0.can_build(host_type).await.map_err(failed)
    }

    async fn capacity(&self, host_type: &str) -> Result<Capacity, SourceError> {
        let capacity = self.0.capacity(host_type).await.map_err(failed)?;
        Ok(Capacity { total: capacity.total, used: capacity.used, elastic: capacity.elastic })
    }
}

fn machine(machine: plugin_host::PoolMachine) -> SourceMachine {
    SourceMachine {
        handle: machine.handle,
        name: machine.name,
        labels: machine.labels,
        state: match machine.state {
            plugin_host::MachineState::Starting(what) => MachineState::Starting(what),
            plugin_host::MachineState::Ready(url) => MachineState::Ready(url),
            plugin_host::MachineState::Gone(cause) => MachineState::Gone(cause),
        },
        created: machine.created,
    }
}

fn failed(failure: PoolFault) -> SourceError {
    SourceError { message: failure.fault.to_string(), retryable: failure.retryable }
}
