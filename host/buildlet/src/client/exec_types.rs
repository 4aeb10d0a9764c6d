//! What is asked of an exec, and what comes back when its end was seen.

use std::{io, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::protocol::{CommandResult, ExecId, ExecUsage, Lease, LeftBehind, Limits};

/// A command to run on a buildlet.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// The command: absolute, relative to the work directory, or a bare name looked up there and in `PATH`.
    pub cmd: String,
    /// Its arguments, in order.
    pub args: Vec<String>,
    /// `KEY=value` entries, added to the agent's own environment; the last of one key wins.
    pub env: Vec<String>,
    /// `PATH` elements; empty leaves `PATH` alone. `$PATH`, `$WORKDIR` and `$EMPTY` are expanded by the agent.
    pub path: Vec<String>,
    /// Where it runs; `None` is the directory of the command, or with [`sys`](Self::sys) the work directory.
    pub dir: Option<String>,
    /// The command is the system's: never looked for in the work directory.
    pub sys: bool,
    /// The first line of output says what runs.
    pub debug: bool,
    /// The exec's id. With one, the request can be repeated: it attaches to what it started before.
    pub id: Option<ExecId>,
    /// Never start, only attach; fails with `Gone` when the agent does not know the id.
    pub attach_only: bool,
    /// The lease it is made under; `None` takes the client's.
    pub lease: Option<Lease>,
    /// The first byte of output wanted, when attaching.
    pub offset: u64,
    /// The time it may run; past it the failure is `TimedOut`.
    pub deadline: Option<Duration>,
    /// What it may use, where the agent can limit that.
    pub limits: Limits,
}

impl ExecRequest {
    /// A command with arguments and nothing else.
    #[must_use]
    pub fn new<I, S>(cmd: impl Into<String>, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        ExecRequest { cmd: cmd.into(), args: args.into_iter().map(Into::into).collect(), ..ExecRequest::default() }
    }

    /// The same as a command of the system.
    #[must_use]
    pub fn sys<I, S>(cmd: impl Into<String>, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        ExecRequest { sys: true, ..ExecRequest::new(cmd, args) }
    }
}

/// The end of a command, seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecEnd {
    /// How it ended.
    pub result: CommandResult,
    /// The protocol's own text of that.
    pub process_state: String,
    /// Bytes of output in all; what was before the request's offset counts.
    pub output_bytes: u64,
    /// What it used; `None` from Go's buildlets.
    pub usage: Option<ExecUsage>,
    /// Background processes it left, which were killed; `None` from Go's buildlets, which neither look nor kill.
    pub left_behind: Option<LeftBehind>,
    /// How long it waited because its output was not acknowledged.
    pub waited: Duration,
    /// What enforced its limits: `cgroup-v1`, `cgroup-v2` or `none`.
    pub limited_by: Option<String>,
}

/// Takes a command's output as it comes. A slow sink slows the command down.
#[async_trait]
pub trait OutputSink: Send {
    /// Takes the next bytes, the first of which is at this offset of the whole output.
    ///
    /// # Errors
    /// If they cannot be kept; the exec then ends as a failure of kind `Local`.
    async fn push(&mut self, offset: u64, chunk: Bytes) -> io::Result<()>;
}

#[async_trait]
impl OutputSink for Vec<u8> {
    async fn push(&mut self, _offset: u64, chunk: Bytes) -> io::Result<()> {
        self.extend_from_slice(&chunk);
        Ok(())
    }
}

#[async_trait]
impl OutputSink for tokio::sync::mpsc::Sender<Bytes> {
    async fn push(&mut self, _offset: u64, chunk: Bytes) -> io::Result<()> {
        self.send(chunk).await.map_err(|_| io::Error::other("nobody takes the output any more"))
    }
}

#[async_trait]
impl OutputSink for tokio::io::Sink {
    async fn push(&mut self, _offset: u64, _chunk: Bytes) -> io::Result<()> {
        Ok(())
    }
}
