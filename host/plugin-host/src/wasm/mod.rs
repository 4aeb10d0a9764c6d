//! The WebAssembly engine: one function configures it, one thread ticks it.

mod cache;
mod config;
mod space;
mod ticker;

pub use config::{EngineOptions, Metering, PluginEngine, Pooling};

pub(crate) use config::MAX_LIVE_STORES;
