//! Starts an agent that outlives this process, and finds it again.
//!
//! ```text
//! folder, password -> process at the gate -> record: which process -> gate -> record: where it listens -> granted
//! ```
//! Whoever dies between two of these steps leaves nothing that the next life does not find: a process that waits at the
//! gate ends with the pipe, and one behind it stands in the record.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use buildlet::protocol::Lease;
use buildlet::{BuildletUrl, Secret};
use engine::{BuildId, LeaseId};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;
use tokio::time::timeout;

use super::LocalSettings;
use super::agent::{Agent, Process};
use super::cgroup::{MachineGroups, PoolGroups};
use super::child::command;
use super::files::{read_entry, write_entry};
use super::folders::{MachineFolder, PoolFolder};
use super::mark::ProcessMark;
use super::output::tail_of;
use crate::owned::remove_tree;
use crate::{LeaseRequest, PoolError};

/// Between two looks for the address of an agent that starts.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the next life must know of a machine; the password stands beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MachineRecord {
    /// As the engine numbers the lease.
    pub(super) lease: LeaseId,
    /// As the machine knows it.
    pub(super) number: Lease,
    /// The build's.
    pub(super) build: BuildId,
    /// The machine's.
    pub(super) name: String,
    /// Its number in the pool.
    pub(super) place: u32,
    /// Its agent.
    pub(super) process: ProcessMark,
    /// Its control groups.
    pub(super) groups: Vec<PathBuf>,
    /// Seconds since 1970 at which it was made.
    pub(super) created: u64,
    /// Where it listens, without the password; none: it did not say yet.
    pub(super) url: Option<String>,
}

/// A machine that an earlier life started.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) record: MachineRecord,
    pub(super) folder: MachineFolder,
}

impl Found {
    /// Its agent.
    pub(super) fn agent(&self) -> Agent {
        Agent {
            name: self.record.name.clone(),
            process: Process::Survivor { mark: self.record.process.clone(), child: None },
            groups: MachineGroups::found(&self.record.groups),
            folder: self.folder.clone(),
            pid: self.record.process.pid,
        }
    }

    /// Where that is.
    pub(super) fn url(&self) -> Result<BuildletUrl, String> {
        let password = std::fs::read_to_string(&self.folder.password_file);
        let password = password.map_err(|error| format!("its password cannot be read: {error}"))?;
        let url = self.record.url.as_deref().ok_or("it was only starting")?;
        let url: BuildletUrl = url.parse().map_err(|error| format!("its URL is not one: {error}"))?;
        Ok(BuildletUrl { password: Some(Secret::new(password)), ..url })
    }
}

/// The machines in a pool's folder, and the folders of those that were not started.
pub(super) fn find(pool: &PoolFolder) -> io::Result<(Vec<Found>, Vec<MachineFolder>)> {
    let (mut found, mut empty) = (Vec::new(), Vec::new());
    for folder in pool.machines()? {
        match read_entry(&folder.record_file()) {
            Some(record) => found.push(Found { record, folder }),
            // A record that is not understood says that there is a machine: it is left to its agent's own end.
            None if folder.record_file().exists() => {}
            None => empty.push(folder),
        }
    }
    Ok((found, empty))
}

/// A machine to be started.
pub(super) struct Start<'a> {
    pub(super) settings: &'a LocalSettings,
    pub(super) pool: &'a PoolFolder,
    pub(super) groups: &'a PoolGroups,
    pub(super) name: &'a str,
    pub(super) place: u32,
    pub(super) number: Lease,
    /// How long it waits for its coordinator.
    pub(super) survive: Duration,
}

impl Start<'_> {
    /// Starts its agent.
    pub(super) async fn start(&self, request: &LeaseRequest) -> Result<(Agent, BuildletUrl), PoolError> {
        let password = Secret::random();
        let folder_name = format!("{}-{}", self.name, self.number);
        let prepare = |source| PoolError::Prepare { path: self.pool.path().join(&folder_name), source };
        let folder = self.pool.machine(&folder_name, &password).map_err(prepare)?;
        let started = self.start_in(&folder, &folder_name, request).await;
        let (agent, url) = match started {
            Ok(started) => started,
            Err(error) => {
                // The error that is reported is the one that came first.
                let _ = tokio::task::spawn_blocking(move || remove_tree(&folder.path)).await;
                return Err(error);
            }
        };
        Ok((agent, BuildletUrl { password: Some(password), ..url }))
    }

    async fn start_in(
        &self,
        folder: &MachineFolder,
        folder_name: &str,
        request: &LeaseRequest,
    ) -> Result<(Agent, BuildletUrl), PoolError> {
        let groups = self.groups.machine(folder_name, &self.settings.limits);
        let groups = groups.map_err(|error| self.failed(format!("its control group could not be made: {error}")))?;
        let groups = groups.surviving();
        let (mut child, mark) = self.spawn(folder)?;
        let url = self.open_gate(folder, &groups, &mark, &mut child, request).await;
        let pid = mark.pid;
        let process = Process::Survivor { mark, child: Some(child) };
        let agent = Agent { name: self.name.to_owned(), process, groups, folder: folder.clone(), pid };
        match url {
            Ok(url) => Ok((agent, url)),
            Err(error) => {
                agent.destroy(self.settings, None).await;
                Err(error)
            }
        }
    }

    fn failed(&self, cause: String) -> PoolError {
        PoolError::Start { name: self.name.to_owned(), cause }
    }

    fn spawn(&self, folder: &MachineFolder) -> Result<(Child, ProcessMark), PoolError> {
        let program = self.settings.program.clone();
        let spawn_failed = |source| PoolError::Spawn { program: program.clone(), source };
        std::fs::metadata(&program).map_err(spawn_failed)?;
        let output = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.output_file());
        let output = output.map_err(|source| PoolError::Prepare { path: folder.output_file(), source })?;
        let errors = output.try_clone().map_err(spawn_failed)?;
        let mut child = command(self.settings, folder)
            .arg("--address-file")
            .arg(folder.address_file())
            .arg("--orphan-after")
            .arg(format!("{}ms", self.survive.as_millis()))
            .arg("--orphan-remove")
            .arg(&folder.path)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(spawn_failed)?;
        match child.id().and_then(ProcessMark::of) {
            Some(mark) => Ok((child, mark)),
            None => {
                // It waits at the gate, and ends with the pipe.
                drop(child.stdin.take());
                Err(self.failed("its process cannot be found in /proc".to_owned()))
            }
        }
    }

    async fn open_gate(
        &self,
        folder: &MachineFolder,
        groups: &MachineGroups,
        mark: &ProcessMark,
        child: &mut Child,
        request: &LeaseRequest,
    ) -> Result<BuildletUrl, PoolError> {
        let adopted = groups.adopt(mark.pid);
        adopted.map_err(|error| self.failed(format!("its control group does not take it: {error}")))?;
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let mut record = MachineRecord {
            lease: request.lease,
            number: self.number,
            build: request.build,
            name: self.name.to_owned(),
            place: self.place,
            process: mark.clone(),
            groups: groups.paths(),
            created: since.as_secs(),
            url: None,
        };
        let write = |record: &MachineRecord| {
            write_entry(&folder.record_file(), record)
                .map_err(|source| PoolError::Prepare { path: folder.record_file(), source })
        };
        write(&record)?;
        let mut gate = child.stdin.take().expect("it was asked for");
        let opened = gate
            .write_all(
                b"
",
            )
            .await;
        opened.map_err(|error| self.failed(format!("it is gone before it began: {error}")))?;
        let url = self.wait_for_address(folder, child).await?;
        let url = BuildletUrl { password: None, ..url };
        record.url = Some(url.reveal());
        write(&record)?;
        Ok(url)
    }

    async fn wait_for_address(&self, folder: &MachineFolder, child: &mut Child) -> Result<BuildletUrl, PoolError> {
        let limit = self.settings.start;
        let output = folder.output_file();
        let said = async {
            loop {
                // The file is there when it is whole.
                match tokio::fs::read_to_string(folder.address_file()).await {
                    Ok(text) => return text,
                    Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
                }
            }
        };
        let text = tokio::select! {
            said = timeout(limit, said) => said.map_err(|_| {
                self.failed(format!("it did not say where it listens within {limit:?}{}", tail_of(&output)))
            })?,
            ended = child.wait() => {
                let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(self.failed(format!("it ended with {ended}{}", tail_of(&output))));
            }
        };
        text.trim().parse().map_err(|error| self.failed(format!("its URL is not one: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_not_understood_is_still_a_machines() -> io::Result<()> {
        let state = tempfile::tempdir()?;
        let pool = PoolFolder::keep(state.path(), "local")?;
        for name in ["local-1-7", "local-2-8"] {
            pool.machine(name, &Secret::new("s3cret"))?;
        }
        std::fs::write(pool.path().join("local-2-8/machine.json"), "{\"of\": \"a later version\"}")?;
        let (found, empty) = find(&pool)?;
        assert!(found.is_empty());
        let empty: Vec<_> = empty.iter().map(|folder| folder.path.file_name()).collect();
        assert_eq!(empty, [Some("local-1-7".as_ref())]);
        Ok(())
    }
}
