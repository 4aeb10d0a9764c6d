//! `muster serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `muster serve`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  muster serve --dev                                  try it: no file, this machine's buildlets, a token that clients find
  muster serve --config /etc/muster/coordinator.toml  a team's coordinator; docs/operators-guide.md says how
  muster submit --wait                                build the tree in this folder there

SIGTERM and Ctrl-C stop it: running builds are taken up again by the next start. SIGHUP reads the
configuration and the plugins anew; a change that cannot be used is refused, and said why.")]
pub struct ServeArgs {
    /// Serve this account only, with what is built in: submitted trees run on buildlets of this machine
    #[arg(long)]
    pub dev: bool,
    /// Listen here [default: 127.0.0.1:5937]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Keep records, logs, snapshots and the token here [default: `[state] dir`, else ~/.local/state/muster/serve]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How the log on standard error reads
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub log_format: LogForm,
}

/// How a log reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}
