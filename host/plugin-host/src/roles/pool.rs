//! The pool role: a store of its own for each call, since a pool keeps no state in memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{PluginFault, PluginFaultKind, PluginRef};
use futures::FutureExt as _;

use super::answer::{Checked, name, shown};
use super::convert::error_text;
use crate::bindings::exports::muster::pool::pool as wit;
use crate::live::Bind;
use crate::registry::Generation;
use crate::role::Role;

/// Machines that one list may hold.
const MACHINES: usize = 10_000;

/// A pool plugin with its settings: `muster:pool` as a trait.
#[async_trait]
pub trait PoolPlugin: Send + Sync {
    /// Which component answers.
    fn plugin(&self) -> &PluginRef;
    /// Begins to make a machine; its handle.
    async fn create(&self, spec: &MachineSpec) -> Result<String, PoolFault>;
    /// How a machine is.
    async fn describe(&self, handle: &str) -> Result<PoolMachine, PoolFault>;
    /// Every machine that carries these labels, those of earlier coordinators too.
    async fn list(&self, labels: &[(String, String)]) -> Result<Vec<PoolMachine>, PoolFault>;
    /// Destroys a machine; what is gone is no error.
    async fn destroy(&self, handle: &str) -> Result<(), PoolFault>;
    /// Whether it has machines of this host type.
    async fn can_build(&self, host_type: &str) -> Result<bool, PoolFault>;
    /// How many machines of this host type it has.
    async fn capacity(&self, host_type: &str) -> Result<Capacity, PoolFault>;
}

/// A pool's call without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolFault {
    /// What it was.
    pub fault: PluginFault,
    /// Asking again later may help: a service that the plugin needs did not answer.
    pub retryable: bool,
}

impl From<PluginFault> for PoolFault {
    fn from(fault: PluginFault) -> PoolFault {
        let retryable = fault.kind == PluginFaultKind::TimedOut;
        PoolFault { fault, retryable }
    }
}

impl fmt::Display for PoolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

/// What a machine is to be.
#[derive(Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Its class.
    pub host_type: String,
    /// Unique, at most 61 letters, digits and `-`.
    pub name: String,
    /// Put on the machine so that `list` finds it.
    pub labels: Vec<(String, String)>,
    /// The muster binary on the coordinator's machine, for pools that share its file system.
    pub agent_binary: String,
    /// Content of the password file that the agent is to read.
    pub password: String,
    /// Seconds after which anyone may destroy it.
    pub max_life: u64,
    /// Keys of later versions.
    pub extra: Vec<(String, String)>,
}

impl fmt::Debug for MachineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineSpec")
            .field("host_type", &self.host_type)
            .field("name", &self.name)
            .field("labels", &self.labels)
            .field("max_life", &self.max_life)
            .finish_non_exhaustive()
    }
}

/// A machine of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolMachine {
    /// What the pool knows it by.
    pub handle: String,
    /// Its name.
    pub name: String,
    /// What was put on it.
    pub labels: Vec<(String, String)>,
    /// How it is.
    pub state: MachineState,
    /// Seconds since 1970, where known.
    pub created: Option<u64>,
}

/// How a machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineState {
    /// Not yet reachable: what it waits for.
    Starting(String),
    /// Its buildlet's URL, without the password.
    Ready(String),
    /// Gone or failed, with the cause.
    Gone(String),
}

/// How many machines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// All of them; none is unknown.
    pub total: Option<u32>,
    /// In use.
    pub used: u32,
    /// Made on demand.
    pub elastic: bool,
}

/// A generation as a pool.
struct Pool {
    generation: Arc<Generation>,
    settings: String,
}

impl Generation {
    /// As a pool, if it is one; with these settings (JSON) or its own.
    pub fn pool(self: &Arc<Generation>, settings: Option<String>) -> Option<Arc<dyn PoolPlugin>> {
        self.has(Role::Pool).then(|| {
            let settings = settings.unwrap_or_else(|| self.settings.clone());
            Arc::new(Pool { generation: Arc::clone(self), settings }) as Arc<dyn PoolPlugin>
        })
    }
}

const BIND: Bind<wit::Guest> =
    |indices, store, instance| indices.pool.as_ref().expect("only asked of pools").load(store, instance);

impl Pool {
    fn limit(&self) -> (Role, Duration) {
        (Role::Pool, self.generation.limits.pool.time.of(0))
    }

    fn accepted<T>(&self, answer: Result<T, wit::Error>) -> Result<T, PoolFault> {
        answer.map_err(|error| PoolFault {
            fault: self.generation.refused(&error_text(&error)),
            retryable: matches!(error, wit::Error::Unavailable(_)),
        })
    }

    fn checked<T>(&self, answer: T, rule: Checked) -> Result<T, PoolFault> {
        rule.map(|()| answer).map_err(|rule| self.generation.bad_answer(&rule).into())
    }
}

#[async_trait]
impl PoolPlugin for Pool {
    fn plugin(&self) -> &PluginRef {
        self.generation.reference()
    }

    async fn create(&self, spec: &MachineSpec) -> Result<String, PoolFault> {
        let (settings, spec) = (self.settings.clone(), spec_to_wit(spec));
        let answer = self
            .generation
            .once(self.limit(), BIND, move |store, guest| {
                async move { guest.call_create(store, &settings, &spec).await }.boxed()
            })
            .await?;
        let handle = self.accepted(answer)?;
        let rule = name("the handle of a machine", &handle);
        self.checked(handle, rule)
    }

    async fn describe(&self, handle: &str) -> Result<PoolMachine, PoolFault> {
        let (settings, handle) = (self.settings.clone(), handle.to_owned());
        let answer = self
            .generation
            .once(self.limit(), BIND, move |store, guest| {
                async move { guest.call_describe(store, &settings, &handle).await }.boxed()
            })
            .await?;
        let machine = self.accepted(answer)?;
        let rule = check_machine(&machine);
        Ok(machine_from_wit(self.checked(machine, rule)?))
    }

    async fn list(&self, labels: &[(String, String)]) -> Result<Vec<PoolMachine>, PoolFault> {
        let (settings, labels) = (self.settings.clone(), labels.to_vec());
        let answer = self
            .generation
            .once(self.limit(), BIND, move |store, guest| {
                async move { guest.call_list(store, &settings, &labels).await }.boxed()
            })
            .await?;
        let machines = self.accepted(answer)?;
        let rule = if machines.len() > MACHINES {
            Err(format!("{} machines, and {MACHINES} are the most", machines.len()))
        } else {
            machines.iter().try_for_each(check_machine)
        };
        Ok(self.checked(machines, rule)?.into_iter().map(machine_from_wit).collect())
    }

    async fn destroy(&self, handle: &str) -> Result<(), PoolFault> {
        let (settings, handle) = (self.settings.clone(), handle.to_owned());
        let answer = self
            .generation
            .once(self.limit(), BIND, move |store, guest| {
                async move { guest.call_destroy(store, &settings, &handle).await }.boxed()
            })
            .await?;
        self.accepted(answer)
    }

    async fn can_build(&self, host_type: &str) -> Result<bool, PoolFault> {
        let (settings, host_type) = (self.settings.clone(), host_type.to_owned());
        let answer = self
            .generation
            .once(self.limit(), BIND, move |store, guest| {
                async move { guest.call_can_build(store, &settings, &host_type).await }.boxed()
            })
            .await?;
        self.accepted(answer)
    }

    async fn capacity(&self, host_type: &str) -> Result<Capacity, PoolFault> {
        let (settings, host_type) = (self.settings.clone(), host_type.to_owned());
        let answer = self
            .generation
            .once(self.limit(), BIND, move |store, guest| {
                async move { guest.call_get_capacity(store, &settings, &host_type).await }.boxed()
            })
            .await?;
        let capacity = self.accepted(answer)?;
        Ok(Capacity { total: capacity.total, used: capacity.used, elastic: capacity.elastic })
    }
}

fn check_machine(machine: &wit::Machine) -> Checked {
    name("the handle of a machine", &machine.handle)?;
    match &machine.state {
        wit::MachineState::Ready(url) => match url::Url::parse(url) {
            Ok(parsed) if parsed.password().is_some() => {
                Err(format!("the URL of machine {} holds a password", shown(&machine.handle)))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the URL of machine {} is none: {error}", shown(&machine.handle))),
        },
        wit::MachineState::Starting(_) | wit::MachineState::Gone(_) => Ok(()),
    }
}

fn spec_to_wit(spec: &MachineSpec) -> wit::MachineSpec {
    wit::MachineSpec {
        host_type: spec.host_type.clone(),
        name: spec.name.clone(),
        labels: spec.labels.clone(),
        agent_binary: spec.agent_binary.clone(),
        password: spec.password.clone(),
        max_life: spec.max_life,
        extra: spec.extra.clone(),
    }
}

fn machine_from_wit(machine: wit::Machine) -> PoolMachine {
    PoolMachine {
        handle: machine.handle,
        name: machine.name,
        labels: machine.labels,
        state: match machine.state {
            wit::MachineState::Starting(why) => MachineState::Starting(why),
            wit::MachineState::Ready(url) => MachineState::Ready(url),
            wit::MachineState::Gone(why) => MachineState::Gone(why),
        },
        created: machine.created,
    }
}
