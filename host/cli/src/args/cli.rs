//! The command line as a whole, and what every command has.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    BuildArgs, BuildersArgs, BuildletArgs, BuildsArgs, CancelArgs, ConfigArgs, DoctorArgs, GcArgs, LogsArgs,
    PluginArgs, RetryArgs, ServeArgs, SimulateArgs, StatusArgs, SubmitArgs, TokensArgs,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER: &str = "\
Examples:
  muster build                      build and test the tree in this folder
  muster build ../app --helpers 4   another tree, on up to five machines
  muster builders                   what can be built here
  muster plugin list                what is bundled and configured
  muster config show                every setting, and the line it came from

Exit codes: 0 passed, 1 tests failed, 2 usage or configuration, 3 could not finish, 130 canceled.";

/// Builds a tree once, snapshots it, and spreads its tests over machines.
#[derive(Debug, Parser)]
#[command(name = "muster", version, styles = STYLES, after_help = AFTER, max_term_width = 100, propagate_version = false)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What every command has.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command has.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct GlobalArgs {
    /// The host's configuration file
    ///
    /// Without it the first of `$XDG_CONFIG_HOME/muster/coordinator.toml`, `~/.config/muster/coordinator.toml` and
    /// `/etc/muster/coordinator.toml` is read; for `muster buildlet` it is `buildlet.toml` in these folders. It is
    /// never looked for inside a tree.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Say less: only failures and the end
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice for everything that is known
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    /// Whether to color what goes to a stream.
    pub fn enabled(self, is_terminal: bool) -> bool {
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a tree and run its tests on many machines
    Build(Box<BuildArgs>),
    /// Serve as a coordinator: many builds, remembered and shown
    Serve(ServeArgs),
    /// Ask a server for the build of a local tree, without pushing it anywhere
    Submit(Box<SubmitArgs>),
    /// Show where a server's build is
    Status(StatusArgs),
    /// Show the log of a server's build, or follow it
    Logs(LogsArgs),
    /// Stop a server's build
    Cancel(CancelArgs),
    /// Ask a server for a build again
    Retry(RetryArgs),
    /// List the builds of a server
    Builds(BuildsArgs),
    /// List, make and revoke the tokens of a server
    Tokens(TokensArgs),
    /// Remove what old builds of a service left
    Gc(GcArgs),
    /// Check this machine's setup, and the server
    Doctor(DoctorArgs),
    /// List what can be built, and on which machines
    Builders(BuildersArgs),
    /// Serve this machine as a buildlet: files and commands over HTTP
    Buildlet(Box<BuildletArgs>),
    /// List, inspect and build plugins; reload a server's, or roll one back
    Plugin(PluginArgs),
    /// Run the engine under virtual time with seeded faults
    Simulate(SimulateArgs),
    /// Show or check the configuration
    Config(ConfigArgs),
    /// Print the version and what is bundled
    Version(VersionArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// `muster version`.
#[derive(Clone, Debug, Default, Args)]
pub struct VersionArgs {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `muster completions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  muster completions bash > ~/.local/share/bash-completion/completions/muster")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_argument_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        let mut command = Cli::command();
        command.build();
        check(&command);
    }
}
