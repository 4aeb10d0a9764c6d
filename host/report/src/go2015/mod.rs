//! The log of a build as Go's coordinator of 2015 wrote it, for builders that ask for it.
//!
//! Names, texts and columns are those of golang/build at 79f3fc08 (`writeStatusHeader`, `writeEventsLocked`,
//! `logEventTime`), its slips included: the end of a build is called `started`, too.

mod duration;
mod events;

use std::io::{self, Write};
use std::time::Duration;

use coordinator::ports::LogFormat;
use coordinator::view::{AttemptKind, BuildReport};
use engine::{Outcome, Role, VerdictKind};

pub use events::{Event, events, write_events};

/// Writes what stands before the log of a finished build: what was built, its events, and the first line of the log.
///
/// # Errors
/// The writer fails.
pub fn write_head(report: &BuildReport, out: &mut impl Write) -> io::Result<()> {
    let main = report.buildlets.iter().find(|buildlet| buildlet.role == Role::Main);
    let time = |at: u64| time_of(at, "%Y-%m-%d %H:%M:%S%.f +0000 UTC");
    writeln!(out, "builder: {}", report.builder)?;
    writeln!(out, "rev: {}", report.rev)?;
    writeln!(out, "buildlet: {}", main.map_or("", |main| &main.name))?;
    writeln!(out, "started: {}", time(report.started_unix_ms))?;
    writeln!(out, "started: {}", time(report.ended_unix_ms))?;
    writeln!(out, "success: {}", report.outcome == Outcome::Passed)?;
    writeln!(out, "\nEvents:")?;
    write_events(&events(report), report.started_unix_ms, None, out)?;
    write!(out, "\nBuild log:\n{} at {}\n\n", report.builder, report.rev)
}

/// Writes the end of the log.
///
/// # Errors
/// The writer fails.
pub fn write_tail(report: &BuildReport, out: &mut impl Write) -> io::Result<()> {
    match &report.outcome {
        Outcome::Passed => write!(out, "\nAll tests passed.\n"),
        Outcome::Failed { cause } => write!(out, "\n\nError: {}\n", failure(report, cause)),
        Outcome::Errored { cause } | Outcome::Canceled { cause } => write!(out, "\n\nError: {cause}\n"),
    }
}

/// What failed last, and how: the first failed test in listed order, or the script.
fn failure(report: &BuildReport, cause: &str) -> String {
    let failed = report.tests.iter().find(|test| test.verdict.kind == VerdictKind::Failed);
    match (failed, make_script(report)) {
        (Some(test), Some(_)) => format!("runTests failed: dist test failed: {}: {}", test.name, test.verdict.cause),
        (Some(test), None) => format!("{} failed: {}", test.name, test.verdict.cause),
        // The cause names phase and step before how it ended; here the script is named.
        (None, Some(script)) => format!("{script} failed: {}", cause.rsplit(": ").next().unwrap_or(cause)),
        (None, None) => cause.to_owned(),
    }
}

/// The script that made the tree; none where one command makes and tests it.
fn make_script(report: &BuildReport) -> Option<&str> {
    match &report.log {
        LogFormat::Go2015 { make_script } => make_script.as_deref(),
        LogFormat::Plain => None,
    }
}

/// A moment of the build, in UTC.
fn time_of(unix_ms: u64, format: &str) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(String::new, |time| time.strftime(format).to_string())
}

/// Whether anything was made and not found in a snapshot.
fn made(report: &BuildReport) -> bool {
    report.attempts.iter().any(|attempt| attempt.kind == AttemptKind::Make && attempt.tests == ["make"])
}

/// Milliseconds since 1970 of a moment of the build.
fn at(started_unix_ms: u64, since: Duration) -> u64 {
    started_unix_ms.saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
