//! Reads what a group of tests prints, as it comes and again after a restart.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use buildlet::client::OutputSink;
use bytes::Bytes;
use engine::{AttemptId, CommandEnd, Event, ExecFailure, PluginFault, Report};

use super::command::KeptSink;
use super::exec_clock::ExecClock;
use super::run_group::{keep_failure, tell_fault};
use super::{Context, results};
use crate::exec_log::ExecLog;
use crate::inbox::Inbox;
use crate::job::Job;
use crate::lease::Leased;
use crate::output::{AttemptOutput, Piece};
use crate::ports::{ENVIRONMENT, ParserEvent, ParserSession};
use crate::view::BuildUpdate;

/// What a parser is given at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Reports of one attempt that are kept: a parser must not fill the memory.
const MAX_REPORTS: usize = 1_000_000;

/// While output cannot be kept, this is told so often.
const HELD: Duration = Duration::from_secs(1);

/// Reads what a group prints.
pub(super) struct GroupSink {
    /// As it comes.
    pub(super) raw: ExecLog,
    pub(super) job: Arc<Job>,
    pub(super) inbox: Inbox,
    pub(super) attempt: AttemptId,
    pub(super) buildlet: String,
    /// The names of the group's tests.
    pub(super) members: BTreeSet<String>,
    pub(super) output: AttemptOutput,
    pub(super) session: Option<Box<dyn ParserSession>>,
    pub(super) reports: Vec<Report>,
    pub(super) open: Option<String>,
    pub(super) clock: ExecClock,
    /// This side could not keep the output.
    pub(super) failure: Option<ExecFailure>,
}

#[async_trait]
impl OutputSink for GroupSink {
    async fn push(&mut self, offset: u64, chunk: Bytes) -> io::Result<()> {
        let GroupSink { raw, inbox, attempt, .. } = self;
        if let Err(error) = until_kept(raw.push(offset, &chunk), inbox, *attempt).await {
            self.failure = Some(keep_failure(&error));
            return Err(error);
        }
        let update = BuildUpdate::MachineOutput { buildlet: self.buildlet.clone(), bytes: chunk.to_vec() };
        self.job.tell(update).await;
        for piece in chunk.chunks(CHUNK_BYTES) {
            let kept = self.read(piece).await;
            if let Err(error) = &kept {
                self.failure = Some(keep_failure(error));
            }
            kept?;
        }
        Ok(())
    }
}

#[async_trait]
impl KeptSink for GroupSink {
    fn next(&self) -> u64 {
        self.raw.end()
    }

    async fn keep(&mut self) -> io::Result<bool> {
        let GroupSink { raw, inbox, attempt, .. } = self;
        until_kept(raw.flush(), inbox, *attempt).await?;
        Ok(true)
    }
}

/// Waits until output is kept. What a store that is away holds up is the reading of it: the test that runs as far as it
/// was read may have ended long ago, and so may the command.
pub(super) async fn until_kept<T>(keeping: impl Future<Output = T>, inbox: &Inbox, attempt: AttemptId) -> T {
    let mut keeping = std::pin::pin!(keeping);
    loop {
        if let Ok(kept) = tokio::time::timeout(HELD, keeping.as_mut()).await {
            return kept;
        }
        inbox.send(Event::AttemptHeld { attempt }).await;
    }
}

impl GroupSink {
    /// Reads what came in an earlier life of the coordinator.
    pub(super) async fn replay(&mut self) -> io::Result<()> {
        let mut at = 0;
        while at < self.raw.end() {
            let kept = self.raw.read(at).await?;
            at += kept.len() as u64;
            for piece in kept.chunks(CHUNK_BYTES) {
                self.read(piece).await?;
            }
        }
        Ok(())
    }

    async fn read(&mut self, piece: &[u8]) -> io::Result<()> {
        let Some(session) = &mut self.session else { return self.output.text(piece).await };
        match session.push(piece).await {
            Ok(events) => self.take(events).await,
            Err(fault) => {
                self.give_up_parser(&fault).await;
                self.output.text(piece).await
            }
        }
    }

    /// After a fault the rest is raw text.
    async fn give_up_parser(&mut self, fault: &PluginFault) {
        self.session = None;
        if let Some(parser) = &self.job.plugins.parser {
            tell_fault(&self.job, parser.plugin(), fault).await;
        }
    }

    async fn take(&mut self, events: Vec<ParserEvent>) -> io::Result<()> {
        for event in events {
            match event {
                ParserEvent::Banner(banner) => self.output.heading(Piece::Banner(banner)),
                ParserEvent::Other(key, note) if key == ENVIRONMENT => self.output.heading(Piece::Environment(note)),
                ParserEvent::Text(text) => self.output.text(&text).await?,
                ParserEvent::Started(name) => self.test_started(name).await,
                ParserEvent::Finished(report) => self.test_ended(report).await,
                ParserEvent::Progress(..) | ParserEvent::Other(..) => {}
            }
        }
        Ok(())
    }

    async fn test_started(&mut self, name: String) {
        self.clock.test_started(Instant::now());
        self.open = Some(name.clone());
        self.inbox.send(Event::TestStarted { attempt: self.attempt, name }).await;
    }

    async fn test_ended(&mut self, mut report: Report) {
        self.clock.test_ended(Instant::now(), self.members.contains(&report.name), &mut report.duration);
        if self.open.as_deref() == Some(report.name.as_str()) {
            self.open = None;
        }
        let name = report.name.clone();
        let update = BuildUpdate::TestReported {
            name: name.clone(),
            status: report.status,
            duration: report.duration,
            buildlet: self.buildlet.clone(),
        };
        self.job.tell(update).await;
        if self.reports.len() < MAX_REPORTS {
            self.reports.push(report);
        }
        self.inbox.send(Event::TestEnded { attempt: self.attempt, name }).await;
    }

    /// Reads the result files and ends the parser; whether it read all there was.
    pub(super) async fn finish(
        &mut self,
        context: &Context,
        leased: &Leased,
        attempt: &str,
        globs: &[String],
        end: &CommandEnd,
    ) -> Result<bool, ExecFailure> {
        if self.session.is_none() {
            return Ok(false);
        }
        self.clock.command_ended(Instant::now(), !globs.is_empty());
        if !globs.is_empty() {
            let results = results::fetch(context, leased, attempt, globs).await?;
            for name in &results.names {
                self.read_file(&results, name).await.map_err(|error| keep_failure(&error))?;
            }
        }
        let Some(session) = &mut self.session else { return Ok(false) };
        match session.finish(end).await {
            Ok(events) => self.take(events).await.map_err(|error| keep_failure(&error))?,
            Err(fault) => self.give_up_parser(&fault).await,
        }
        // A tree that cannot be split has one test, and its command's exit status is its verdict.
        Ok(self.session.is_some() && !self.job.spec.one_command)
    }

    /// The command has ended, and with it the test that it was running: while its output is kept, no time of that passes.
    pub(super) async fn nothing_runs(&mut self) {
        if let Some(name) = self.open.clone() {
            self.inbox.send(Event::TestEnded { attempt: self.attempt, name }).await;
        }
    }

    async fn read_file(&mut self, results: &results::Results, name: &str) -> io::Result<()> {
        let content = tokio::fs::read(results.path(name)).await?;
        let mut pieces = content.chunks(CHUNK_BYTES).peekable();
        if pieces.peek().is_none() {
            self.push_file(name, &[], true).await?;
        }
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            self.push_file(name, piece, last).await?;
        }
        Ok(())
    }

    async fn push_file(&mut self, name: &str, piece: &[u8], last: bool) -> io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        match session.push_file(name, piece, last).await {
            Ok(events) => self.take(events).await,
            Err(fault) => {
                self.give_up_parser(&fault).await;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn an_attempt_whose_output_cannot_be_kept_is_told_of() {
        let (inbox, mut events) = Inbox::new(Clock::new());
        let attempt = AttemptId(1);
        let mut keeping = std::pin::pin!(until_kept(std::future::pending::<()>(), &inbox, attempt));
        let told = tokio::select! {
            () = keeping.as_mut() => None,
            told = events.recv() => told.map(|arrived| arrived.event),
        };
        assert!(matches!(told, Some(Event::AttemptHeld { attempt: AttemptId(1) })));
        until_kept(std::future::ready(()), &inbox, attempt).await;
        assert!(events.try_recv().is_err(), "what is kept at once is not told of");
    }
}
