//! The command line: one file per command.

mod build;
mod builders;
mod buildlet;
mod cli;
mod config;
mod doctor;
mod gc;
mod plugin;
mod serve;
mod server;
mod simulate;

pub use build::{BuildArgs, WantedArgs, WrittenArgs};
pub use builders::BuildersArgs;
pub use buildlet::BuildletArgs;
pub use cli::{Cli, ColorChoice, Command, CompletionsArgs, GlobalArgs, VersionArgs};
pub use config::{ConfigArgs, ConfigCommand};
pub use doctor::DoctorArgs;
pub use gc::GcArgs;
pub use plugin::{
    PluginArgs, PluginBuildArgs, PluginCommand, PluginInspectArgs, PluginListArgs, PluginReloadArgs, PluginRollbackArgs,
};
pub use serve::{LogForm, ServeArgs};
pub use server::{
    BuildsArgs, CancelArgs, LogsArgs, RetryArgs, ServerArgs, StatusArgs, SubmitArgs, TokensArgs, TokensCommand,
    TokensCreateArgs, TokensListArgs, TokensRevokeArgs,
};
pub use simulate::SimulateArgs;
