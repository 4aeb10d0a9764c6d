//! `muster gc`.

use std::path::PathBuf;

use clap::Args;

/// `muster gc`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  muster gc --dry-run                               what `[retention]` and `[blobs]` would have removed, and why
  muster gc --config /etc/muster/coordinator.toml   remove it, while the service is stopped

A running service does the same by itself every hour. Where the store cannot say what is needed, nothing is removed.")]
pub struct GcArgs {
    /// Remove nothing, only say what would go
    #[arg(long)]
    pub dry_run: bool,
    /// The service's state folder [default: `[state] dir`, else ~/.local/state/muster/serve]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}
