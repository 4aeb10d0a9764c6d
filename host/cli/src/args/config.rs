//! `muster config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `muster config`.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every value with the file and line it came from
    Show {
        /// The tree whose settings are shown too
        #[arg(value_name = "PATH", default_value = ".")]
        path: PathBuf,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say whether the configuration can be used
    Check {
        /// The tree whose settings are checked too
        #[arg(value_name = "PATH", default_value = ".")]
        path: PathBuf,
    },
}
