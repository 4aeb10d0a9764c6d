//! `muster build`.

use std::path::PathBuf;

use clap::Args;

use crate::config::units::Time;

const AFTER: &str = "\
Examples:
  muster build                                    find out how, use what the machine can bear
  muster build --run 'test_api' --fail-fast       only some tests, stop at the first failure
  muster build --buildlet \"$(cat lab-1.url)\"      on a machine that runs `muster buildlet`
  muster build --junit out.xml --report out.html  for other programs and for people
  muster build --json > events.jsonl              one event a line; see docs/events.md

What is written into the tree by --junit, --report, --log and redirection is no part of what is built.

Exit codes: 0 passed, 1 tests failed, 2 usage or configuration, 3 could not finish, 130 canceled.
Ctrl-C cancels cleanly; a second one kills.";

/// What is to be built, and with what: the same for a build here and one that a server is asked for.
#[derive(Clone, Debug, Default, Args)]
pub struct WantedArgs {
    /// The tree
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,

    /// How to build it; without this it is found out from the tree
    #[arg(long, value_name = "NAME", help_heading = "What is built")]
    pub builder: Option<String>,
    /// Only tests whose name matches this regular expression
    #[arg(long, value_name = "REGEX", help_heading = "What is built")]
    pub run: Option<String>,
    /// Make the tree anew even if a snapshot of it is there
    #[arg(long, help_heading = "What is built")]
    pub fresh: bool,
    /// Run everything, whatever fails
    #[arg(long, conflicts_with = "fail_fast", help_heading = "What is built")]
    pub keep_going: bool,
    /// Stop at the first failure
    #[arg(long, help_heading = "What is built")]
    pub fail_fast: bool,
    /// Run a failed test again this many times; a pass then makes it flaky
    #[arg(long, value_name = "N", help_heading = "What is built")]
    pub retries: Option<u32>,
    /// Give up after this long: `90s`, `30m`, `2h`
    #[arg(long, value_name = "TIME", value_parser = Time::parse, help_heading = "What is built")]
    pub timeout: Option<Time>,

    /// The most machines beside the main one; without this what the machine can bear
    #[arg(long, value_name = "N", help_heading = "Where it runs")]
    pub helpers: Option<u32>,
    /// Where machines come from: `local`, `docker` or a pool of the host's configuration
    #[arg(long, value_name = "NAME", help_heading = "Where it runs")]
    pub pool: Option<String>,

    /// The policy plugin: which test goes where next
    #[arg(long, value_name = "NAME", help_heading = "Plugins")]
    pub policy: Option<String>,
    /// The estimator plugin: how long a test will take
    #[arg(long, value_name = "NAME", help_heading = "Plugins")]
    pub estimator: Option<String>,
}

impl WantedArgs {
    /// Run everything after a failure (true) or stop at the first (false), where either was said.
    pub fn keeps_going(&self) -> Option<bool> {
        if self.keep_going { Some(true) } else { self.fail_fast.then_some(false) }
    }
}

/// What is written at the end of a build.
#[derive(Clone, Debug, Default, Args)]
pub struct WrittenArgs {
    /// Write JUnit XML here, whatever the outcome
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub junit: Option<PathBuf>,
    /// Write a self-contained HTML page here
    #[arg(long, value_name = "FILE.html", help_heading = "What is written")]
    pub report: Option<PathBuf>,
    /// Write the ordered log here
    #[arg(long, value_name = "FILE", help_heading = "What is written")]
    pub log: Option<PathBuf>,
}

/// `muster build`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = AFTER)]
pub struct BuildArgs {
    /// What is to be built.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// Use a machine that runs a buildlet already (repeatable)
    ///
    /// `muster buildlet --listen ADDR` prints the URL. `@FILE` reads it from a file (mode 0600), so that its password
    /// is not seen by others on this machine.
    #[arg(long, value_name = "URL", conflicts_with = "pool", help_heading = "Where it runs")]
    pub buildlet: Vec<String>,
    /// Load this component too (repeatable); it goes before a bundled one of the same name
    #[arg(long, value_name = "FILE", help_heading = "Plugins")]
    pub plugin: Vec<PathBuf>,

    /// What is written at the end.
    #[command(flatten)]
    pub written: WrittenArgs,
    /// Print one JSON event a line on standard output, documented in docs/events.md
    #[arg(long, help_heading = "What is written")]
    pub json: bool,
    /// Keep history, snapshots and compiled plugins here; without this `~/.local/state/muster` and `~/.cache/muster`
    #[arg(long, value_name = "DIR", help_heading = "What is written")]
    pub state: Option<PathBuf>,
}
