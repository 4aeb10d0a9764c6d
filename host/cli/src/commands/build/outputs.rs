//! Everything that shows or keeps what a running build tells.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use anyhow::Context;
use report::logfile::LogFile;

use crate::args::{BuildArgs, GlobalArgs};
use crate::progress::{JsonProgress, PlainProgress, Progress, TerminalProgress};
use crate::view::{BuildReport, BuildUpdate};

/// The views of one running build.
pub(super) struct Outputs {
    progress: Box<dyn Progress>,
    log: Option<LogFile>,
    began: Instant,
    report: Option<Box<BuildReport>>,
}

impl Outputs {
    /// Opens what was asked for.
    ///
    /// # Errors
    /// The log file cannot be made.
    pub(super) fn open(global: &GlobalArgs, args: &BuildArgs) -> anyhow::Result<Outputs> {
        let terminal = io::stderr().is_terminal();
        let progress: Box<dyn Progress> = if args.json {
            Box::new(JsonProgress::new(io::stdout(), global.verbose > 0))
        } else if terminal && !is_dumb() {
            Box::new(TerminalProgress::new(global.verbose, global.quiet))
        } else {
            Box::new(PlainProgress::new(io::stderr(), global.verbose, global.quiet))
        };
        let create = |path: &std::path::PathBuf| {
            LogFile::create(path).with_context(|| format!("failed to write the log `{}`", path.display()))
        };
        let log = args.written.log.as_ref().map(create).transpose()?;
        Ok(Outputs { progress, log, began: Instant::now(), report: None })
    }

    /// Time since the build began.
    pub(super) fn since(&self) -> Duration {
        self.began.elapsed()
    }

    /// Takes in one update.
    pub(super) fn update(&mut self, update: BuildUpdate) {
        self.progress.update(self.began.elapsed(), &update);
        if let Some(log) = &mut self.log {
            log.update(&update);
        }
        if let BuildUpdate::Done(report) = update {
            self.report = Some(report);
        }
    }

    /// Shows that time went by.
    pub(super) fn tick(&mut self) {
        self.progress.tick(self.began.elapsed());
    }

    /// Whether the build told its report.
    pub(super) fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// Ends the views. Gives the report and how the log file ended.
    pub(super) fn finish(mut self) -> (Box<BuildReport>, anyhow::Result<()>) {
        self.close();
        let report = self.report.expect("who ends the views has told them of the end");
        let log = self.log.map_or(Ok(()), |log| log.finish(&report).context("failed to write the log"));
        (report, log)
    }

    /// Takes away what is only shown while the build runs.
    pub(super) fn close(&mut self) {
        self.progress.finish();
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
