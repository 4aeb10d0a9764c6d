//! Runs the command that was asked for.

use super::{build, inspect, list};
use crate::args::{GlobalArgs, PluginCommand};
use crate::commands::remote;
use crate::exit::Exit;

/// Lists, inspects or builds plugins; or has a server change its own.
pub(in crate::commands) fn run(global: &GlobalArgs, command: &PluginCommand) -> anyhow::Result<Exit> {
    match command {
        PluginCommand::List(args) => list::run(global, args),
        PluginCommand::Inspect(args) => inspect::run(args),
        PluginCommand::Build(args) => build::run(args),
        PluginCommand::Reload(args) => remote::reload(global, args),
        PluginCommand::Rollback(args) => remote::rollback(global, args),
    }
}
