//! From the command line to the exit code.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, GlobalArgs};
use crate::{commands, exit};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Without a stream to print on there is nothing left to say it with.
            let _gone = error.print();
            return if error.use_stderr() { exit::Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let global = cli.global.clone();
    start_log(&global);
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let (exit, hint) = exit::of_error(&error);
            print_error(&global, &exit::describe(&error), hint.as_deref());
            exit.into()
        }
    }
}

/// Who reads our output has read enough, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn print_error(global: &GlobalArgs, error: &str, hint: Option<&str>) {
    let mut stderr = io::stderr().lock();
    let color = global.color.enabled(stderr.is_terminal());
    let (red, reset) = if color { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
    // As in `main`: without standard error there is nothing left to say it with.
    let _gone = writeln!(stderr, "{red}error{reset}: {error}");
    if let Some(hint) = hint {
        let _gone = writeln!(stderr, "hint: {hint}");
    }
}

/// Diagnostics go to standard error. `MUSTER_LOG` chooses more finely than `-v`, in tracing's syntax.
fn start_log(global: &GlobalArgs) {
    let default = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0 | 1) => "warn",
        (false, 2) => "info",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(global.color.enabled(io::stderr().is_terminal()))
        .without_time()
        .finish();
    // Set once, here, by the only caller.
    tracing::subscriber::set_global_default(subscriber).expect("nothing set a subscriber before");
}
