//! A warm store that a run or a session lives in, from its constructor to its last answer or first fault.

use std::sync::Arc;
use std::time::Duration;

use engine::{PluginFault, PluginFaultKind};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::allowance::Allowance;
use crate::live::{Bind, Live};
use crate::registry::Generation;
use crate::role::Role;
use crate::runtime::Start;
use crate::store::StoreData;

/// A resource of a guest in a store of its own. After a fault the store is gone, and so is the session.
pub(crate) struct Session<G> {
    generation: Arc<Generation>,
    role: Role,
    warm: Option<Warm<G>>,
}

struct Warm<G> {
    live: Live<G>,
    resource: ResourceAny,
}

impl<G: Send + Sync + 'static> Session<G> {
    /// Instantiates and constructs the resource.
    pub(crate) async fn open(
        generation: &Arc<Generation>,
        (role, limit): (Role, Duration),
        bind: Bind<G>,
        construct: impl for<'a> FnOnce(&'a mut Store<StoreData>, &'a G) -> BoxFuture<'a, wasmtime::Result<ResourceAny>>
        + Send
        + 'static,
    ) -> Result<Session<G>, PluginFault> {
        let permit = generation.admit().await?;
        let owner = Arc::clone(generation);
        let job = async move {
            let mut live = Live::open(owner, role, permit, bind).await?;
            let resource = live.call(construct).await?;
            Ok(Warm { live, resource })
        };
        let warm = generation.run(Start::Apart, Allowance::of(role, limit), job.boxed()).await?;
        Ok(Session { generation: Arc::clone(generation), role, warm: Some(warm) })
    }

    /// Calls a method of the resource.
    pub(crate) async fn call<T: Send + 'static>(
        &mut self,
        limit: Duration,
        method: impl for<'a> FnOnce(&'a mut Store<StoreData>, &'a G, ResourceAny) -> BoxFuture<'a, wasmtime::Result<T>>
        + Send
        + 'static,
    ) -> Result<T, PluginFault> {
        self.generation.check_quarantine()?;
        let Some(mut warm) = self.warm.take() else {
            return Err(self.generation.fault(PluginFaultKind::Trapped, "it was asked again after a fault"));
        };
        let job = async move {
            let resource = warm.resource;
            let answer = warm.live.call(|store, guest| method(store, guest, resource)).await?;
            Ok((warm, answer))
        };
        let (warm, answer) = self.generation.run(Start::Here, Allowance::of(self.role, limit), job.boxed()).await?;
        self.warm = Some(warm);
        Ok(answer)
    }

    /// An answer that is not allowed: the store is dropped, like after a trap.
    pub(crate) fn bad_answer(&mut self, rule: &str) -> PluginFault {
        self.warm = None;
        self.generation.bad_answer(rule)
    }

    pub(crate) fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }
}
