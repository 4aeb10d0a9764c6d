//! What components are linked against: the host's interfaces alone, or with an empty WASI beside them.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::Plugins;
use crate::error::HostError;
use crate::store::StoreData;

/// Both linkers, made once.
pub(crate) struct Linkers {
    /// muster:* only.
    pub(crate) pure: Linker<StoreData>,
    /// muster:*, and a WASI in which nothing is granted.
    pub(crate) denied_wasi: Linker<StoreData>,
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> Result<Linkers, HostError> {
        let failed = |error: wasmtime::Error| HostError::Engine { reason: format!("{error:#}") };
        let mut pure = Linker::new(engine);
        Plugins::add_to_linker::<_, HasSelf<StoreData>>(&mut pure, |data| data).map_err(failed)?;
        let mut denied_wasi = pure.clone();
        wasmtime_wasi::p2::add_to_linker_async(&mut denied_wasi).map_err(failed)?;
        Ok(Linkers { pure, denied_wasi })
    }
}
