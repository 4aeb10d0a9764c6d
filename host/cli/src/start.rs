//! From the command line to the exit code.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, GlobalArgs, LogForm};
use crate::{commands, exit};

/// The variable that chooses what is logged.
const LOG: &str = "MUSTER_LOG";

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
    start_log(&global, &cli.command);
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) if error.is::<commands::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            let (exit, hint) = exit::of_error(&error);
            print_error(&global, &exit::describe(&error), hint.as_deref());
            exit.into()
        }
    }
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

/// What `MUSTER_LOG` chooses, if it says anything that can be understood.
fn chosen_filter() -> Option<EnvFilter> {
    let text = std::env::var_os(LOG)?;
    match text.to_str().map(EnvFilter::try_new) {
        Some(Ok(filter)) => Some(filter),
        Some(Err(error)) => {
            commands::warn(&format!("{LOG} is not heeded: {error}; write it like `warn,cli=debug`"));
            None
        }
        None => {
            commands::warn(&format!("{LOG} is not heeded: it is no text"));
            None
        }
    }
}

/// Diagnostics go to standard error. `MUSTER_LOG` chooses more finely than `-v`, in tracing's syntax.
fn start_log(global: &GlobalArgs, command: &Command) {
    let serving = if let Command::Serve(args) = command { Some(args.log_format) } else { None };
    // What a service does unasked is for its operator to read; a command says in its own words what it does.
    let default = match (global.quiet, global.verbose, serving.is_some()) {
        (true, _, _) => "error",
        (false, 0 | 1, false) => "warn",
        (false, 0, true) | (false, 2, false) => "info",
        (false, _, _) => "debug",
    };
    let filter = chosen_filter().unwrap_or_else(|| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let color = global.color.enabled(io::stderr().is_terminal());
    // The journal has its own times.
    let timed = serving.is_some() && std::env::var_os("JOURNAL_STREAM").is_none();
    let set = match serving {
        Some(LogForm::Json) => tracing::subscriber::set_global_default(log.json().finish()),
        Some(LogForm::Text) if timed => tracing::subscriber::set_global_default(log.with_ansi(color).finish()),
        Some(LogForm::Text) | None => {
            tracing::subscriber::set_global_default(log.with_ansi(color).without_time().finish())
        }
    };
    // Set once, here, by the only caller.
    set.expect("nothing set a subscriber before");
}
