//! The command line: one file per command.

mod build;
mod builders;
mod buildlet;
mod cli;
mod config;
mod plugin;
mod simulate;

pub use build::BuildArgs;
pub use builders::BuildersArgs;
pub use buildlet::BuildletArgs;
pub use cli::{Cli, ColorChoice, Command, CompletionsArgs, GlobalArgs, VersionArgs};
pub use config::{ConfigArgs, ConfigCommand};
pub use plugin::{PluginArgs, PluginBuildArgs, PluginCommand, PluginInspectArgs, PluginListArgs};
pub use simulate::SimulateArgs;
