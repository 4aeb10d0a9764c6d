//! `muster builders`.

use std::path::PathBuf;

use clap::Args;

/// `muster builders`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  muster builders                            what can be built here, in the light of this tree's settings
  muster builders ../go --json | jq '.[] | select(.os == \"linux\").name'")]
pub struct BuildersArgs {
    /// The tree whose settings count
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,
    /// Load this component beside the configured and bundled plugins (repeatable)
    #[arg(long, value_name = "FILE")]
    pub plugin: Vec<PathBuf>,
    /// As one JSON array
    #[arg(long)]
    pub json: bool,
}
