//! Runs the command that was asked for.

use super::{build, builders, buildlet, completions, config, doctor, gc, plugin, remote, serve, simulate, version};
use crate::args::{Cli, Command};
use crate::exit::Exit;

/// Runs it to its end.
///
/// # Errors
/// Whatever kept it from its end; [`crate::exit::of_error`] knows what that means for the exit code.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match cli.command {
        Command::Build(args) => build::run(global, &args),
        Command::Serve(args) => serve::run(global, &args),
        Command::Submit(args) => remote::submit(global, &args),
        Command::Status(args) => remote::status(global, &args),
        Command::Logs(args) => remote::logs(global, &args),
        Command::Cancel(args) => remote::cancel(global, &args),
        Command::Retry(args) => remote::retry(global, &args),
        Command::Builds(args) => remote::builds(global, &args),
        Command::Tokens(args) => remote::tokens(global, &args.command),
        Command::Gc(args) => gc::run(global, &args),
        Command::Doctor(args) => doctor::run(global, &args),
        Command::Builders(args) => builders::run(global, &args),
        Command::Buildlet(args) => buildlet::run(global, &args),
        Command::Plugin(args) => plugin::run(global, &args.command),
        Command::Simulate(args) => simulate::run(&args),
        Command::Config(args) => config::run(global, &args.command),
        Command::Version(args) => version::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}
