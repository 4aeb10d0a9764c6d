//! Starts a command and stays with it to the end: output, time limit, reasons to stop, and what it left behind.

use std::{io, os::fd::OwnedFd, sync::Arc, time::Instant};

use tokio::{net::unix::pipe, process::Child};
use tokio_util::sync::CancellationToken;

use super::{
    super::{process::Tree, refusal::is_full, state::AgentState},
    Command, MusterParams, Output, RunningPermit, StopCause,
    output::pump,
};
use crate::protocol::{CommandResult, EndFailure, EndRecord, ExecUsage};

/// How watching ended.
pub(crate) struct Watched {
    pub(crate) record: EndRecord,
    /// Nobody is there to be told.
    pub(crate) client_gone: bool,
}

/// One exec to be run.
pub(crate) struct Exec<'a> {
    pub(crate) state: &'a Arc<AgentState>,
    pub(crate) command: &'a Command,
    pub(crate) muster: &'a MusterParams,
    pub(crate) permit: &'a RunningPermit,
}

impl Exec<'_> {
    /// Runs the command until it and, with the additions, all it started has ended.
    pub(crate) async fn run(&self, output: &mut Output<'_>, client_gone: impl Future<Output = ()>) -> Watched {
        let begun = Instant::now();
        let mut watched = match self.start() {
            Ok((child, reader, tree)) => {
                let tree = Arc::new(tree);
                let watched = self.watch(child, reader, &tree, output, client_gone).await;
                self.finish(watched, tree)
            }
            Err(state) => {
                let record = EndRecord { process_state: state, ..EndRecord::default() };
                Watched { record, client_gone: false }
            }
        };
        watched.record.usage.wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.suspect_full_disk(&mut watched.record);
        watched
    }

    fn start(&self) -> Result<(Child, pipe::Receiver, Tree), String> {
        let state = self.state;
        let cgroup = if self.muster.aware {
            let name = format!("exec-{}", self.permit.number);
            state.cgroups.create(&name, &self.muster.limits).map_err(|error| format!("cgroup: {error}"))?
        } else {
            None
        };
        if cgroup.is_some() {
            state.cgroups.get_ready();
        }
        let mut failed = None;
        let started = state.orphans.start(|| {
            let (child, reader) = self.command.start().map_err(|start_failed| {
                failed = Some(start_failed.0);
                io::Error::other("not started")
            })?;
            let leader = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
            Ok(((child, reader), leader))
        });
        let Ok(((child, reader), leader)) = started else {
            if let Some(cgroup) = cgroup {
                cgroup.remove();
            }
            return Err(failed.unwrap_or_default());
        };
        if let Some(cgroup) = &cgroup
            && let Err(error) = cgroup.adopt(leader)
        {
            tracing::warn!(%error, "a command could not be moved into its control group");
        }
        state.note_running(leader);
        let tree = Tree::new(leader, cgroup, Arc::clone(&state.orphans));
        let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(|error| {
            tree.kill();
            format!("pipe: {error}")
        })?;
        Ok((child, reader, tree))
    }

    async fn watch(
        &self,
        mut child: Child,
        mut pipe: pipe::Receiver,
        tree: &Arc<Tree>,
        output: &mut Output<'_>,
        client_gone: impl Future<Output = ()>,
    ) -> Watched {
        let killed = CancellationToken::new();
        let spool = output.spool();
        let pump = pump(&mut pipe, output, &killed);
        let deadline = async {
            match self.muster.deadline {
                Some(deadline) => tokio::time::sleep(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(pump, deadline, client_gone);
        let mut record = EndRecord::default();
        let mut status = None;
        let mut stopping = false;
        let mut gone = false;
        let mut pumping = true;
        while status.is_none() || (pumping && !gone) {
            let failure = tokio::select! {
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended);
                    self.state.orphans.forget(tree.leader());
                    if self.muster.aware || stopping {
                        record.left_behind = on_thread(tree, Tree::kill_left_behind).await;
                        killed.cancel();
                    }
                    continue;
                }
                pumped = &mut pump, if pumping => {
                    pumping = false;
                    match pumped {
                        Ok(()) => continue,
                        Err(error) => match self.output_failed(&error) {
                            Some(failure) => Some(failure),
                            None => {
                                gone = true;
                                None
                            }
                        },
                    }
                }
                cause = self.permit.stopped(), if !stopping => Some(match cause {
                    StopCause::Lease => EndFailure::Lease,
                    StopCause::AgentEnds => EndFailure::Agent("the agent was ended".to_owned()),
                    StopCause::Killed => EndFailure::Agent("killed on request".to_owned()),
                }),
                () = &mut deadline, if !stopping && status.is_none() => Some(EndFailure::Deadline),
                () = &mut client_gone, if !gone => {
                    gone = true;
                    None
                }
            };
            stopping = true;
            if let Some(spool) = &spool {
                spool.lift_bound();
            }
            if record.failure.is_none() {
                record.failure = failure;
            }
            on_thread(tree, |tree| tree.kill()).await;
            killed.cancel();
        }
        record.process_state = match status {
            Some(Ok(status)) => CommandResult::of(status).to_string(),
            Some(Err(error)) => format!("wait: {error}"),
            None => String::new(),
        };
        Watched { record, client_gone: gone }
    }

    /// What a failure to pass output on means; `None` is a client that went away.
    fn output_failed(&self, error: &io::Error) -> Option<EndFailure> {
        self.muster.id.as_ref()?;
        Some(if is_full(error) {
            EndFailure::DiskFull("the agent's disk is full: the output could not be kept".to_owned())
        } else {
            EndFailure::Agent(format!("the output could not be kept: {error}"))
        })
    }

    fn finish(&self, mut watched: Watched, tree: Arc<Tree>) -> Watched {
        if let Some(cgroup) = tree.cgroup() {
            let mut usage = ExecUsage::default();
            cgroup.usage(&mut usage);
            watched.record.usage = usage;
        }
        self.state.note_ended(tree.leader());
        if tree.cgroup().is_some() {
            // Nobody waits for the group to go.
            self.state.tasks.spawn_blocking(move || tree.remove_cgroup());
        }
        watched
    }

    /// A command that failed while the disk was full is the disk's victim, as far as one can tell.
    fn suspect_full_disk(&self, record: &mut EndRecord) {
        if !self.muster.aware || record.failure.is_some() || record.process_state == "ok" {
            return;
        }
        let free = self.state.disk_free();
        if free.is_some_and(|free| free < self.state.config.limits.full_disk_bytes) {
            let text = format!(
                "the disk of the work directory is full, and the command ended with `{}`",
                record.process_state
            );
            record.failure = Some(EndFailure::DiskFull(text));
        }
    }
}

/// Reading the process table takes a millisecond or more; when nothing is left it is not read.
async fn on_thread<T: Send + 'static>(tree: &Arc<Tree>, work: impl FnOnce(&Tree) -> T + Send + 'static) -> T {
    let tree = Arc::clone(tree);
    let done = tokio::task::spawn_blocking(move || work(&tree)).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
