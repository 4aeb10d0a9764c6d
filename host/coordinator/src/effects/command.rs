//! One command of a builder on a buildlet: its folder, its files, its exec.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use buildlet::client::{Client, ExecRequest, FailureKind, OutputSink};
use buildlet::protocol::ExecId;
use bytes::Bytes;
use engine::{AttemptId, BuildId, CommandEnd, ExecFailure};

use super::{Context, called_back};
use crate::lease::{Leased, call_failure, command_end, exec_failure};
use crate::ports::Command;

/// The folder, below the work directory, that holds the attempts' own.
const ATTEMPTS: &str = "attempts";

/// Mode of the files that a command brings along.
const FILE_MODE: u32 = 0o644;

/// Output between two acknowledgements: far below what a buildlet keeps.
const ACK_BYTES: u64 = 32 << 20;

/// The end of a command, and what is to be told of it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) end: Result<CommandEnd, ExecFailure>,
    pub(super) notes: Vec<String>,
}

/// Names of one exec.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    /// Its own within the build.
    pub(super) exec: &'a str,
    /// Of the attempt whose folder it runs with: made fresh, and it stays.
    pub(super) attempt: &'a str,
}

impl<'a> From<&'a str> for Names<'a> {
    /// Of an attempt that is one exec.
    fn from(name: &'a str) -> Names<'a> {
        Names { exec: name, attempt: name }
    }
}

/// The folder of an attempt, relative to the work directory.
pub(super) fn attempt_dir(name: &str) -> String {
    format!("{ATTEMPTS}/{name}")
}

/// Runs a command.
pub(super) async fn run(
    context: &Context,
    leased: &Leased,
    names: Names<'_>,
    command: &Command,
    limit: Duration,
    sink: &mut dyn KeptSink,
) -> Ended {
    let id = exec_id(context.job.build(), leased, names.exec);
    let begun = match &id {
        Some(id) => goes_on(leased, id, sink.next()).await,
        None => Ok(false),
    };
    let ready = match begun {
        Ok(true) => Ok(()),
        Ok(false) => prepare(context, leased, names.attempt, command).await,
        Err(failure) => Err(failure),
    };
    match ready {
        Ok(()) => exec(context, leased, id, command, limit, sink).await,
        Err(failure) => Ended { end: Err(failure), notes: Vec::new() },
    }
}

/// The id by which a buildlet that keeps execs knows this one.
fn exec_id(build: BuildId, leased: &Leased, name: &str) -> Option<ExecId> {
    leased.client.extensions()?;
    format!("{build}-{name}").parse().ok()
}

/// Whether the exec was begun in an earlier life of the coordinator: then it is attached to.
async fn goes_on(leased: &Leased, id: &ExecId, next: u64) -> Result<bool, ExecFailure> {
    if !leased.adopted {
        return Ok(false);
    }
    match leased.client.exec_state(id).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.kind == FailureKind::Gone && next == 0 => Ok(false),
        Err(failure) => Err(call_failure(&failure)),
    }
}

async fn prepare(context: &Context, leased: &Leased, attempt: &str, command: &Command) -> Result<(), ExecFailure> {
    let folder = attempt_dir(attempt);
    let made = async {
        leased.client.remove_all(&[&folder]).await?;
        // There is no call that makes a folder; a file makes those above it.
        leased.client.put_file(Vec::new(), &format!("{folder}/.attempt"), FILE_MODE).await?;
        for (file, content) in &command.files {
            leased.client.put_file(content.clone(), &format!("{folder}/{file}"), FILE_MODE).await?;
        }
        Ok(())
    };
    tokio::select! {
        made = made => made.map_err(|failure| call_failure(&failure)),
        () = context.cancel.cancelled() => Err(called_back()),
    }
}

async fn exec(
    context: &Context,
    leased: &Leased,
    id: Option<ExecId>,
    command: &Command,
    limit: Duration,
    sink: &mut dyn KeptSink,
) -> Ended {
    let offset = sink.next();
    let request = ExecRequest { offset, ..request(context, command, id.clone(), limit) };
    let mut sink = AckSink { inner: sink, client: &leased.client, id: id.clone(), acknowledged: offset };
    let ended = tokio::select! {
        ended = leased.client.exec(&request, &mut sink) => ended,
        () = context.cancel.cancelled() => {
            if let Some(id) = &id {
                // Best effort: a buildlet that does not hear it is given up with its claim.
                let _ = leased.client.kill(id).await;
            }
            return Ended { end: Err(called_back()), notes: Vec::new() };
        }
    };
    if let (Some(id), Ok(end)) = (&id, &ended)
        && let Ok(true) = sink.inner.keep().await
    {
        // All of it is kept here. How it ended the buildlet still knows: what follows from it may have to be done again.
        let _ = leased.client.acknowledge(id, end.output_bytes, false).await;
    }
    match ended {
        Ok(end) => {
            let left = end.left_behind.filter(|left| left.count > 0);
            let notes = left.map(|left| {
                let names = left.names.join(", ");
                format!("left {} background process(es) behind, which were killed: {names}", left.count)
            });
            Ended { end: Ok(command_end(&end.result)), notes: notes.into_iter().collect() }
        }
        Err(failure) => Ended { end: exec_failure(&failure), notes: Vec::new() },
    }
}

fn request(context: &Context, command: &Command, id: Option<ExecId>, limit: Duration) -> ExecRequest {
    let root = &context.job.config.root;
    let dir = if command.dir.is_empty() { root.clone() } else { command.dir.clone() };
    let env = context.job.config.env.iter().chain(&command.env);
    let (cmd, args) =
        command.argv.split_first().map_or((String::new(), Vec::new()), |(cmd, args)| (cmd.clone(), args.to_vec()));
    ExecRequest {
        cmd,
        args,
        env: env.map(|(name, value)| format!("{name}={value}")).collect(),
        path: command.path.clone(),
        dir: Some(dir),
        id,
        deadline: Some(command.timeout.map_or(limit, |own| own.min(limit))),
        ..ExecRequest::default()
    }
}

/// A sink that says what it has of the output, so that nothing is fetched twice, and nothing given up too early.
#[async_trait]
pub(super) trait KeptSink: OutputSink {
    /// The first byte that it does not have.
    fn next(&self) -> u64 {
        0
    }

    /// Makes durable what it has. Whether the buildlet need not keep that any more.
    async fn keep(&mut self) -> io::Result<bool>;
}

/// Tells the buildlet now and then what it need not keep any more.
struct AckSink<'a> {
    inner: &'a mut dyn KeptSink,
    client: &'a Client,
    id: Option<ExecId>,
    acknowledged: u64,
}

#[async_trait]
impl OutputSink for AckSink<'_> {
    async fn push(&mut self, offset: u64, chunk: Bytes) -> io::Result<()> {
        let end = offset + chunk.len() as u64;
        self.inner.push(offset, chunk).await?;
        if let Some(id) = self.id.as_ref().filter(|_| end - self.acknowledged >= ACK_BYTES)
            && self.inner.keep().await?
        {
            self.acknowledged = end;
            // A lost acknowledgement is made up for by the next one.
            let _ = self.client.acknowledge(id, end, false).await;
        }
        Ok(())
    }
}

/// The end of an attempt is durable: its machine may forget it.
pub(crate) async fn forget_attempt(build: BuildId, leased: &Leased, attempt: AttemptId) {
    let name = attempt.to_string();
    clean(leased, &name).await;
    if let Some(id) = exec_id(build, leased, &name)
        && let Err(failure) = leased.client.acknowledge(&id, u64::MAX, true).await
    {
        tracing::debug!(%failure, name, "a buildlet does not forget an attempt");
    }
}

/// Removes an attempt's folder. That it stays is no failure: the work directory goes with the claim.
pub(super) async fn clean(leased: &Leased, name: &str) {
    if let Err(failure) = leased.client.remove_all(&[&attempt_dir(name)]).await {
        tracing::debug!(%failure, name, "could not remove the folder of an attempt");
    }
}
