//! Loads, limits and binds the plugins.
//!
//! A [`PluginHost`] turns bytes into a [`Loaded`] component without running any of it; a [`Generation`] is that with
//! settings, grants and limits, and adapts itself to the coordinator's ports ([`Generation::builder`] and its
//! siblings); a [`PluginRegistry`] knows generations by name. Every call runs in a store of its own or in the warm
//! store of one run, under limits of memory, time and answer, and every answer is checked. What goes wrong ends as an
//! `engine::PluginFault` that names the plugin and its digest.

mod allowance;
mod bindings;
mod digest;
mod error;
mod fault;
mod host;
mod limiter;
mod limits;
mod live;
mod load;
mod plugin_host;
mod registry;
mod role;
mod roles;
mod runtime;
mod store;
mod wasm;

pub use digest::{digest_of, short};
pub use error::{HostError, LoadError};
pub use host::http::HttpLimits;
pub use host::{Credential, FileStore, Grants, HttpGrant, KeyValueStore, KvError, MemoryStore};
pub use limits::{CallTime, Limits, RoleLimits};
pub use load::{Loaded, MAX_BYTES, RoleVersion, Source};
pub use plugin_host::{CacheStats, PluginHost};
pub use registry::{Description, FAULTS, Generation, PluginRegistry, PluginSettings, RoleDescription, TERM, WINDOW};
pub use role::Role;
pub use roles::{Capacity, MachineSpec, MachineState, PoolFault, PoolMachine, PoolPlugin};
pub use wasm::{EngineOptions, Metering, PluginEngine, Pooling};
