//! What all stores of one generation share: its name, its grants and what stands behind them.

use std::sync::Arc;

use super::http::HttpGate;
use super::kv::KeyValueStore;
use super::log::LogGate;

/// The host's side of one generation.
pub(crate) struct Services {
    /// The plugin's name.
    pub(crate) plugin: String,
    /// The short digest.
    pub(crate) generation: String,
    pub(crate) log: LogGate,
    /// The `clock` grant.
    pub(crate) clock: bool,
    /// The `kv` grant.
    pub(crate) kv: Option<Arc<dyn KeyValueStore>>,
    /// The `http` grants.
    pub(crate) http: HttpGate,
}

// `muster:types` has types only: there is nothing to answer.
impl crate::bindings::muster::types::types::Host for crate::store::StoreData {}
