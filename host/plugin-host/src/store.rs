//! One store: one instance of one plugin, in one role, with its limits.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::host::Services;
use crate::host::wasi::{Tail, deny_all};
use crate::limiter::Limiter;
use crate::limits::Limits;
use crate::role::Role;
use crate::wasm::{Metering, PluginEngine};

/// Entries of the table of host resources: WASI's streams and pollables.
const TABLE_CAPACITY: usize = 1024;

/// What a guest's calls to the host are answered from.
pub(crate) struct StoreData {
    pub(crate) role: Role,
    pub(crate) services: Arc<Services>,
    /// The last thing it logged as an error: a panic's message, if it ends now.
    pub(crate) last_error: Option<String>,
    limiter: Limiter,
    table: ResourceTable,
    wasi: Option<WasiCtx>,
    stderr: Tail,
}

impl StoreData {
    /// Its last words, for the report of a fault.
    pub(crate) fn last_words(&self) -> Option<String> {
        self.last_error.clone().or_else(|| self.stderr.text())
    }
}

impl WasiView for StoreData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.get_or_insert_with(|| deny_all(&self.stderr));
        WasiCtxView { ctx: wasi, table: &mut self.table }
    }
}

/// Makes an empty store. Nothing of the guest has run.
pub(crate) fn new(engine: &PluginEngine, services: &Arc<Services>, limits: &Limits, role: Role) -> Store<StoreData> {
    let role_limits = limits.of(role);
    let mut table = ResourceTable::new();
    table.set_max_capacity(TABLE_CAPACITY);
    let data = StoreData {
        role,
        services: Arc::clone(services),
        last_error: None,
        limiter: Limiter::new(limits, role_limits),
        table,
        wasi: None,
        stderr: Tail::default(),
    };
    let mut store = Store::new(&engine.engine, data);
    store.limiter(|data| &mut data.limiter);
    store.set_hostcall_fuel(role_limits.answer_bytes);
    store.set_max_component_handles(limits.handles);
    if engine.metering == Metering::Wall {
        store.epoch_deadline_async_yield_and_update(1);
    }
    store
}

/// To be called before each call into the guest: a warm store's epoch deadline has passed while it was idle, and its
/// fuel is that of the last call.
pub(crate) fn refill(engine: &PluginEngine, store: &mut Store<StoreData>) {
    match engine.metering {
        Metering::Wall => store.set_epoch_deadline(1),
        Metering::Fuel(fuel) => store.set_fuel(fuel).expect("an engine metered by fuel consumes fuel"),
    }
}
