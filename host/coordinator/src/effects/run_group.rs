//! One attempt: the builder's command, run, read and kept.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{AttemptEnd, AttemptId, ExecFailure, ExecFailureKind, LeaseId, PluginFault, PluginRef, Test, TestIndex};

use super::command::KeptSink;
use super::exec_clock::ExecClock;
use super::group_sink::{GroupSink, until_kept};
use super::{Context, command, make};
use crate::exec_log::ExecLog;
use crate::job::Job;
use crate::lease::Leased;
use crate::output::AttemptOutput;
use crate::ports::{Command, TestPlan};
use crate::view::BuildUpdate;

pub(super) async fn run(
    context: &Context,
    attempt: AttemptId,
    lease: LeaseId,
    tests: &[TestIndex],
    limit: Duration,
) -> AttemptEnd {
    let started = Instant::now();
    let mut end = match begin(context, attempt, lease, tests).await {
        Ok(begun) => begun.run(context, limit).await,
        Err(failure) => AttemptEnd::unseen(failure),
    };
    end.took = started.elapsed();
    end
}

/// An attempt whose command is known.
struct Begun {
    leased: Arc<Leased>,
    name: String,
    command: Command,
    sink: GroupSink,
}

async fn begin(
    context: &Context,
    attempt: AttemptId,
    lease: LeaseId,
    tests: &[TestIndex],
) -> Result<Begun, ExecFailure> {
    let job = &context.job;
    let leased = job.leases.get(lease)?;
    let tests = job.tests_at(tests);
    let name = attempt.to_string();
    let command = command_for(context, &leased, &name, &tests).await.map_err(|fault| plugin_failure(&fault))?;
    let output = job.output.begin(attempt).await.map_err(|error| keep_failure(&error))?;
    let raw = job.kept.exec(&name).await.map_err(|error| keep_failure(&error))?;
    let session = match &job.plugins.parser {
        Some(parser) => match parser.open(&tests).await {
            Ok(session) => Some(session),
            Err(fault) => {
                tell_fault(job, parser.plugin(), &fault).await;
                None
            }
        },
        None => None,
    };
    let mut sink = GroupSink {
        raw,
        job: Arc::clone(job),
        inbox: context.inbox.clone(),
        attempt,
        buildlet: leased.machine.name.clone(),
        members: tests.iter().map(|test| test.name.clone()).collect(),
        output,
        session,
        reports: Vec::new(),
        open: None,
        clock: ExecClock::default(),
        failure: None,
    };
    sink.replay().await.map_err(|error| keep_failure(&error))?;
    Ok(Begun { leased, name, command, sink })
}

async fn command_for(context: &Context, leased: &Leased, name: &str, tests: &[Test]) -> Result<Command, PluginFault> {
    let job = &context.job;
    if job.spec.one_command {
        let plan = make::plan(context, leased, name).await?;
        return Ok(match plan.tests {
            TestPlan::OneCommand(command) | TestPlan::Listed(command) => command,
        });
    }
    let place = leased.place(&job.config, &command::attempt_dir(name));
    let memo = match job.memo.get() {
        Some(memo) => memo.clone(),
        None => make::plan(context, leased, name).await?.memo,
    };
    job.plugins.builder.run(&job.config.name, &memo, tests, &place).await
}

fn plugin_failure(fault: &PluginFault) -> ExecFailure {
    ExecFailure::new(ExecFailureKind::Other, format!("builder plugin {fault}"))
}

pub(super) fn keep_failure(error: &io::Error) -> ExecFailure {
    super::keep_failure("a test", error)
}

pub(super) async fn tell_fault(job: &Job, plugin: &PluginRef, fault: &PluginFault) {
    let text = format!("parser plugin {fault}; its output is read by the exit status alone");
    let update = BuildUpdate::PluginFault { plugin: plugin.name.clone(), digest: plugin.digest.clone(), text };
    job.tell(update).await;
}

impl Begun {
    async fn run(self, context: &Context, limit: Duration) -> AttemptEnd {
        let Begun { leased, name, command, mut sink } = self;
        // When a command that goes on from an earlier life began is not known here.
        if sink.next() == 0 {
            sink.clock = ExecClock::start(Instant::now());
        }
        let ended = command::run(context, &leased, name.as_str().into(), &command, limit, &mut sink).await;
        let mut end = ended.end;
        let mut notes = ended.notes;
        if let Some(failure) = sink.failure.take() {
            end = Err(failure);
        }
        let mut parsed = false;
        if let Ok(how) = &end {
            parsed = match sink.finish(context, &leased, &name, &command.results, how).await {
                Ok(parsed) => parsed,
                Err(failure) => {
                    end = Err(failure);
                    false
                }
            };
        }
        sink.nothing_runs().await;
        let overhead = sink.clock.overhead();
        let GroupSink { job, inbox, attempt, raw, output, reports, open, .. } = sink;
        match until_kept(keep(&job, attempt, raw, output), &inbox, attempt).await {
            Ok(note) => notes.extend(note),
            Err(error) => end = Err(keep_failure(&error)),
        }
        AttemptEnd { end, reports, open, parsed, took: Duration::ZERO, overhead, notes }
    }
}

/// Ends what is kept of an attempt, before its end is told.
async fn keep(job: &Job, attempt: AttemptId, raw: ExecLog, output: AttemptOutput) -> io::Result<Option<String>> {
    let note = output.finish().await?;
    raw.finish().await?;
    if job.kept.are_kept()
        && let Some(shown) = job.output.read(attempt).await?
    {
        job.kept.keep(attempt, &shown).await?;
    }
    Ok(note)
}
