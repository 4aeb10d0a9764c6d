//! `muster plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

/// `muster plugin`.
#[derive(Clone, Debug, Args)]
pub struct PluginArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PluginCommand,
}

/// What to do with plugins.
#[derive(Clone, Debug, Subcommand)]
pub enum PluginCommand {
    /// The plugins that builds on this machine can use
    List(PluginListArgs),
    /// What a component exports, imports and says of itself; nothing of it runs but its description
    Inspect(PluginInspectArgs),
    /// Compile a guest in Rust to a component
    Build(PluginBuildArgs),
    /// Have a server read its configuration and plugins anew
    Reload(PluginReloadArgs),
    /// Return a server to the generation of a plugin before the one that serves
    Rollback(PluginRollbackArgs),
}

/// `muster plugin list`.
#[derive(Clone, Debug, Default, Args)]
pub struct PluginListArgs {
    /// As one JSON array
    #[arg(long)]
    pub json: bool,
}

/// `muster plugin inspect`.
#[derive(Clone, Debug, Args)]
pub struct PluginInspectArgs {
    /// The component
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// As one JSON object a plugin
    #[arg(long)]
    pub json: bool,
}

/// `muster plugin build`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  muster plugin build examples/plugins/builder-make -o builder-make.wasm
  muster build --plugin builder-make.wasm

Any toolchain with the wasm target will do; if none is there, the error names what to install.")]
pub struct PluginBuildArgs {
    /// The guest's folder
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Write the component here; without this in the target folder, under the name of its package
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// As one JSON object a plugin
    #[arg(long)]
    pub json: bool,
}

/// `muster plugin reload`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Builds that run go on with the plugins they began with. If anything cannot be used, all stays as it was.
Needs the scope `manage`.")]
pub struct PluginReloadArgs {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster plugin rollback`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
It holds, also over restarts, until the plugin's source is another one than that which was given up: install a
mended file, and it serves. Needs the scope `manage`.")]
pub struct PluginRollbackArgs {
    /// The plugin
    #[arg(value_name = "NAME")]
    pub name: String,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}
