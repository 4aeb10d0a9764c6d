//! One `muster build` from its arguments to its exit code.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use coordinator::ports::LogFormat;
use engine::Outcome;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::outputs::Outputs;
use super::{reports, run as driver};
use crate::args::{BuildArgs, GlobalArgs};
use crate::assemble::BuildJob;
use crate::bundle::{self, BUNDLE};
use crate::commands::signals::Signals;
use crate::config::find::Folders;
use crate::exit::{self, Exit};
use crate::summary::{Paint, summary};
use crate::view::{BuildReport, BuildUpdate};

/// Updates that may wait to be shown: a slow terminal slows the build only when this many are behind.
const UPDATES: usize = 1024;
/// How often the terminal is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Builds a tree.
///
/// # Errors
/// What kept the build from having a report; a build that failed has one.
pub fn run(global: &GlobalArgs, args: &BuildArgs) -> anyhow::Result<Exit> {
    let job = BuildJob::gather(global, args, &Folders::of_process())?;
    let outputs = Outputs::open(global, args)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start threads")?;
    let ended = runtime.block_on(drive(&job, outputs))?;
    // A plugin or a disk that hangs must not keep a finished build from ending.
    runtime.shutdown_timeout(Duration::from_secs(5));
    conclude(global, args, ended)
}

/// How the driving of a build ended.
struct Ended {
    report: Box<BuildReport>,
    log: anyhow::Result<()>,
    /// An error is told to the user as it is; the report has it too.
    driver: anyhow::Result<()>,
    canceled: bool,
}

async fn drive(job: &BuildJob, mut outputs: Outputs) -> anyhow::Result<Ended> {
    let mut signals = Signals::listen()?;
    let cancel = CancellationToken::new();
    let (sender, mut updates) = mpsc::channel(UPDATES);
    if BUNDLE.is_empty() {
        outputs.update(BuildUpdate::Note(bundle::EMPTY.to_owned()));
    }
    let mut driver = tokio::spawn(driver::run(job.clone(), sender, cancel.clone()));
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The channel ends when the driver does, and everything it sent was shown then.
    loop {
        tokio::select! {
            biased;
            name = signals.next() => {
                if cancel.is_cancelled() {
                    outputs.close();
                    // Asked for twice: now, without waiting for anybody. Local buildlets die with this process.
                    std::process::exit(i32::from(Exit::Canceled.code()));
                }
                outputs.update(BuildUpdate::Note(format!("canceling after {name}; once more kills")));
                cancel.cancel();
            }
            update = updates.recv() => match update {
                Some(update) => outputs.update(update),
                None => break,
            },
            _ = tick.tick() => outputs.tick(),
        }
    }
    let driver = (&mut driver).await.context("the driver of the build panicked").and_then(|result| result);
    let canceled = cancel.is_cancelled();
    if !outputs.has_report() {
        let error = driver.as_ref().err().map_or_else(|| "the build ended without a report".to_owned(), exit::describe);
        outputs.update(BuildUpdate::Done(Box::new(unfinished(job, outputs.since(), canceled, error))));
    }
    let (report, log) = outputs.finish();
    Ok(Ended { report, log, driver, canceled })
}

fn conclude(global: &GlobalArgs, args: &BuildArgs, ended: Ended) -> anyhow::Result<Exit> {
    let written = reports::write(args, &ended.report).and(ended.log);
    let exit = match (&ended.driver, ended.canceled) {
        (Ok(()), _) => exit::of_outcome(&ended.report.outcome),
        (Err(_), true) => Exit::Canceled,
        (Err(error), false) => exit::of_error(error).0,
    };
    if ended.driver.is_ok() || exit == Exit::Canceled {
        let color = global.color.enabled(io::stderr().is_terminal());
        // Without standard error there is nobody to read it; the exit code stands.
        let _gone = io::stderr().lock().write_all(summary(&ended.report, Paint { color }, global.quiet).as_bytes());
    }
    match (ended.driver, written) {
        (Err(error), written) if exit != Exit::Canceled => {
            if let Err(also) = written {
                tracing::error!("{}", exit::describe(&also));
            }
            Err(error)
        }
        // A report that was asked for and is not there must not look like a finished build.
        (_, Err(error)) => Err(error),
        (_, Ok(())) => Ok(exit),
    }
}

/// The report of a build that ended before it could tell one: the files that were asked for are written all the same.
fn unfinished(job: &BuildJob, took: Duration, canceled: bool, cause: String) -> BuildReport {
    let ended = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    BuildReport {
        project: job.project.clone(),
        builder: job.builder.clone().unwrap_or_default(),
        rev: String::new(),
        outcome: if canceled { Outcome::Canceled { cause } } else { Outcome::Errored { cause } },
        started_unix_ms: millis(ended.saturating_sub(took)),
        ended_unix_ms: millis(ended),
        took,
        aggregate: Duration::ZERO,
        saved: Duration::ZERO,
        tests: Vec::new(),
        attempts: Vec::new(),
        buildlets: Vec::new(),
        phases: Vec::new(),
        certificate: None,
        plugins: Vec::new(),
        faults: Vec::new(),
        notes: Vec::new(),
        log: LogFormat::default(),
    }
}
