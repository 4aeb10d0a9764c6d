//! The commands that ask a server: which one, and what each is told.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use service::view::OutcomeWord;

use super::build::{WantedArgs, WrittenArgs};
use crate::config::units::Time;

/// Which server, and with which token.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The server")]
pub struct ServerArgs {
    /// The server's address; without this where `listen` in `[serve]` of the configuration says
    #[arg(long, value_name = "URL", env = "MUSTER_SERVER")]
    pub server: Option<String>,
    /// Read the token from this file (mode 0600)
    ///
    /// Without it the token is in the variable `MUSTER_TOKEN`; that of a `muster serve` of the same account is
    /// found by itself.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `muster submit`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  muster submit                          this tree, without pushing it anywhere; prints the number of the build
  muster submit --wait --junit out.xml   a step of a CI job: the log here, and `muster build`'s exit codes
  muster submit ../app --run 'test_api'  every option of `muster build` that concerns the build
  muster submit --json | jq .id

Exit codes with --wait: 0 passed, 1 tests failed, 2 usage or configuration, 3 could not finish, 130 canceled.
Ctrl-C cancels the build that is waited for; a second one leaves it.")]
pub struct SubmitArgs {
    /// What is to be built.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// What it is called; history is kept under this name. Without this the tree's own files say it
    #[arg(long, value_name = "NAME", help_heading = "What is built")]
    pub project: Option<String>,
    /// Higher goes first, from -100 to 100; more than 0 needs the scope `manage`
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, help_heading = "What is built")]
    pub priority: i32,
    /// The tree is merged and reviewed; needs the scope `manage`
    #[arg(long, help_heading = "What is built")]
    pub trusted: bool,
    /// The same key, sent again, gives the same build
    #[arg(long, value_name = "KEY", help_heading = "What is built")]
    pub idempotency_key: Option<String>,
    /// Wait for the end: the log on standard output, progress on standard error
    #[arg(long, help_heading = "What is written")]
    pub wait: bool,
    /// What is written at the end; only with `--wait`.
    #[command(flatten)]
    pub written: WrittenArgs,
    /// Print the build as one JSON object; with `--wait` a second one at its end, and no log
    #[arg(long, help_heading = "What is written")]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster status`.
#[derive(Clone, Debug, Default, Args)]
pub struct StatusArgs {
    /// The number of the build
    #[arg(value_name = "ID")]
    pub id: u64,
    /// As one JSON object; `outcome` is null while it runs
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster logs`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  muster logs 17            the ordered log as far as it is
  muster logs -f 17         and what comes, to the end of the build
  muster logs 17 --list     its streams, and the machines they come from
  muster logs 17 --stream a3")]
pub struct LogsArgs {
    /// The number of the build
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Go on until nothing more comes
    #[arg(short, long)]
    pub follow: bool,
    /// One stream instead of the ordered log: what one exec printed
    #[arg(long, value_name = "NAME", conflicts_with = "list")]
    pub stream: Option<String>,
    /// Skip so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub offset: u64,
    /// List the streams
    #[arg(long, conflicts_with = "follow")]
    pub list: bool,
    /// As one JSON object: the streams, or `{"offset", "text"}` a piece
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster cancel`.
#[derive(Clone, Debug, Default, Args)]
pub struct CancelArgs {
    /// The number of the build
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Why, for the log and the page of the build
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster retry`.
#[derive(Clone, Debug, Default, Args)]
pub struct RetryArgs {
    /// The number of the build
    #[arg(value_name = "ID")]
    pub id: u64,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster builds`.
#[derive(Clone, Debug, Default, Args)]
pub struct BuildsArgs {
    /// Of this project only
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
    /// By this builder only
    #[arg(long, value_name = "NAME")]
    pub builder: Option<String>,
    /// With this result only: `passed`, `failed`, `errored` or `canceled`
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    pub outcome: Option<OutcomeWord>,
    /// Only those that have not ended
    #[arg(long, conflicts_with = "outcome")]
    pub running: bool,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,
    /// Older than this build only
    #[arg(long, value_name = "ID")]
    pub before: Option<u64>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

fn outcome(word: &str) -> Result<OutcomeWord, String> {
    OutcomeWord::from_word(word).ok_or_else(|| "the outcomes are passed, failed, errored and canceled".to_owned())
}

/// `muster tokens`.
#[derive(Clone, Debug, Args)]
pub struct TokensArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TokensCommand,
}

/// What to do with tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum TokensCommand {
    /// List them, without their secrets
    List(TokensListArgs),
    /// Make one; it is shown this once
    Create(TokensCreateArgs),
    /// Make one good for nothing from now on
    Revoke(TokensRevokeArgs),
}

/// `muster tokens list`.
#[derive(Clone, Debug, Default, Args)]
pub struct TokensListArgs {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster tokens create`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Scopes, each holding those before it:
  read     see everything
  submit   submit builds; cancel and retry one's own
  manage   cancel and retry any build, submit with a priority; reload and roll back plugins
  admin    make and revoke tokens

Example:
  muster tokens create ci --scope submit --expires 90d")]
pub struct TokensCreateArgs {
    /// Who it is for: builds and events are signed with it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it may do (repeatable)
    #[arg(long, value_name = "SCOPE", default_value = "read")]
    pub scope: Vec<service::identity::Scope>,
    /// For how long: `12h`, `90d`; without this until it is revoked
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    pub expires: Option<Time>,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `muster tokens revoke`.
#[derive(Clone, Debug, Default, Args)]
pub struct TokensRevokeArgs {
    /// Its public name, as `muster tokens list` shows it
    #[arg(value_name = "TOKEN-ID")]
    pub id: String,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}
