//! `muster completions`.

use clap::CommandFactory;

use super::output::write;
use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;

/// Prints a completion script.
pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "muster", &mut script);
    write(&script)?;
    Ok(Exit::Passed)
}
