//! `muster doctor`.

use std::path::PathBuf;

use clap::Args;

use super::ServerArgs;

/// `muster doctor`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Each line is `ok`, `warning` or `failure`, with what to do. Nothing is changed: an object is written to the blob
store, and removed again. Exit codes: 0 nothing failed, 1 something did.

Examples:
  muster doctor --config /etc/muster/coordinator.toml --state /var/lib/muster
  muster doctor --server https://muster.example.org --json")]
pub struct DoctorArgs {
    /// The service's state folder [default: `[state] dir`, else ~/.local/state/muster/serve]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}
