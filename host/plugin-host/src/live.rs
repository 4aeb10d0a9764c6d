//! A store with an instance in it, and calls into that.

use std::sync::Arc;

use engine::PluginFault;
use futures::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::allowance::Allowance;
use crate::fault::Crash;
use crate::load::Indices;
use crate::registry::Generation;
use crate::role::Role;
use crate::runtime::Start;
use crate::store::{self, StoreData};

/// Binds the instance to a role.
pub(crate) type Bind<G> = fn(&Indices, &mut Store<StoreData>, &Instance) -> wasmtime::Result<G>;

/// An instance that can be called.
pub(crate) struct Live<G> {
    store: Store<StoreData>,
    guest: G,
    generation: Arc<Generation>,
    _permit: OwnedSemaphorePermit,
}

impl<G: Send + Sync> Live<G> {
    /// Instantiates. The guest's start functions run here: this is part of a job.
    pub(crate) async fn open(
        generation: Arc<Generation>,
        role: Role,
        permit: OwnedSemaphorePermit,
        bind: Bind<G>,
    ) -> Result<Live<G>, Crash> {
        let engine = &generation.host.engine;
        let mut store = store::new(engine, &generation.services, &generation.limits, role);
        store::refill(engine, &mut store);
        let bound = match generation.loaded.pre.instantiate_async(&mut store).await {
            Ok(instance) => bind(&generation.loaded.indices, &mut store, &instance),
            Err(error) => Err(error),
        };
        match bound {
            Ok(guest) => Ok(Live { store, guest, generation, _permit: permit }),
            Err(error) => Err(Crash { error, last_words: store.data().last_words() }),
        }
    }

    /// Calls into it.
    pub(crate) async fn call<T>(
        &mut self,
        call: impl for<'a> FnOnce(&'a mut Store<StoreData>, &'a G) -> BoxFuture<'a, wasmtime::Result<T>>,
    ) -> Result<T, Crash> {
        store::refill(&self.generation.host.engine, &mut self.store);
        match call(&mut self.store, &self.guest).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(Crash { error, last_words: self.store.data().last_words() }),
        }
    }
}

impl Generation {
    /// Calls into a store of its own, which is dropped with the answer.
    pub(crate) async fn once<G, T>(
        self: &Arc<Generation>,
        (role, limit): (Role, std::time::Duration),
        bind: Bind<G>,
        call: impl for<'a> FnOnce(&'a mut Store<StoreData>, &'a G) -> BoxFuture<'a, wasmtime::Result<T>> + Send + 'static,
    ) -> Result<T, PluginFault>
    where
        G: Send + Sync + 'static,
        T: Send + 'static,
    {
        let permit = self.admit().await?;
        let generation = Arc::clone(self);
        let job = Box::pin(async move { Live::open(generation, role, permit, bind).await?.call(call).await });
        self.run(Start::Apart, Allowance::of(role, limit), job).await
    }
}
