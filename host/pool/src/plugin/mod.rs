//! Pools whose machines come from a plugin: the source a plugin offers, and the pool made of it.

mod adopt;
mod machine;
mod pool;
mod settings;
mod shared;
mod source;

pub use pool::PluginPool;
pub use settings::PluginSettings;
pub use source::{MachineSource, MachineSpec, MachineState, SourceError, SourceMachine};
