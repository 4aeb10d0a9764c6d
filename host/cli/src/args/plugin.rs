//! `muster plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
