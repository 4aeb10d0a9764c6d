//! The host's file `coordinator.toml`: one file per section.

mod blobs;
mod build;
mod file;
mod limits;
mod plugins;
mod pool;
mod retention;
mod rules;
mod serve;
mod state;
mod traces;

pub use blobs::{BlobsSection, StoreSection};
pub use build::BuildSection;
pub use file::{HostConfig, HostFile};
pub use limits::LimitsSection;
pub use plugins::{GrantsSection, HttpGrantSection, PluginLimitsSection, PluginSection};
pub use pool::{PoolKind, PoolSection};
pub use retention::RetentionSection;
pub use rules::RuleSection;
pub use serve::ServeSection;
pub use state::StateSection;
pub use traces::TracesSection;
