//! One agent's process, and how it is ended with all that it started.

use std::time::Duration;

use buildlet::client::Client;
use tokio::process::Child;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::LocalSettings;
use super::cgroup::MachineGroups;
use super::folders::MachineFolder;
use super::mark::ProcessMark;
use crate::owned::remove_tree;

/// Between two looks at a process that was killed and is not our child.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running agent.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) process: Process,
    pub(super) groups: MachineGroups,
    pub(super) folder: MachineFolder,
    pub(super) pid: u32,
}

/// Whose an agent's process is.
#[derive(Debug)]
pub(super) enum Process {
    /// Ours. Dropping it kills the process, but waits for nothing; [`Agent::destroy`] does.
    Child { child: Child, _output: Vec<AbortOnDropHandle<()>> },
    /// Its own: it outlives us. It is our child if we started it.
    Survivor { mark: ProcessMark, child: Option<Child> },
}

impl Process {
    fn kill(&mut self, name: &str) {
        match self {
            Process::Child { child, .. } => {
                if let Err(error) = child.start_kill() {
                    tracing::warn!(machine = name, %error, "a buildlet's process could not be killed");
                }
            }
            Process::Survivor { mark, .. } => mark.kill(),
        }
    }

    /// Waits for its end.
    async fn wait(&mut self) {
        match self {
            Process::Child { child, .. } | Process::Survivor { child: Some(child), .. } => drop(child.wait().await),
            Process::Survivor { mark, child: None } => {
                while mark.runs() {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }
}

impl Agent {
    /// Ends the process and all that it started, and removes its folder.
    pub(super) async fn destroy(mut self, settings: &LocalSettings, client: Option<&Client>) {
        let deadline = Instant::now() + settings.stop;
        if !self.groups.track()
            && let Some(client) = client
        {
            // Without groups only the agent itself knows what it started.
            let halted = async {
                if client.halt().await.is_ok() {
                    self.process.wait().await;
                }
            };
            let _ = timeout(settings.client.close * 2, halted).await;
        }
        self.process.kill(&self.name);
        if !self.groups.kill_all(deadline).await {
            tracing::warn!(machine = self.name, "processes of a buildlet outlived {:?}", settings.stop);
        }
        if timeout_at(deadline, self.process.wait()).await.is_err() {
            tracing::warn!(machine = self.name, pid = self.pid, "a buildlet's process outlived {:?}", settings.stop);
        }
        // A survivor that was not leased by us is not halted by us either.
        let is_survivor = matches!(self.process, Process::Survivor { .. });
        let (folder, kill_noted) = (self.folder.clone(), is_survivor && !self.groups.track());
        let removed = tokio::task::spawn_blocking(move || {
            if kill_noted && let Err(error) = buildlet::agent::kill_leftovers(&folder.state_dir()) {
                tracing::warn!(%error, "what a buildlet left running could not be looked for");
            }
            remove_tree(&folder.path)
        });
        match timeout_at(deadline, removed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => {
                tracing::warn!(machine = self.name, %error, "a work directory could not be removed");
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(machine = self.name, "a work directory was not removed within {:?}", settings.stop);
            }
        }
    }
}
