//! Starts an agent that ends with this process.

use std::process::Stdio;

use buildlet::{BuildletUrl, Secret};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::LocalSettings;
use super::agent::{Agent, Process};
use super::cgroup::PoolGroups;
use super::folders::{MachineFolder, PoolFolder};
use super::output::Output;
use crate::PoolError;
use crate::owned::remove_tree;

/// Starts an agent for a machine of this name, in a new folder of this other name.
pub(super) async fn start(
    settings: &LocalSettings,
    pool: &PoolFolder,
    groups: &PoolGroups,
    name: &str,
    folder_name: &str,
) -> Result<(Agent, BuildletUrl), PoolError> {
    let password = Secret::random();
    let prepare = |source| PoolError::Prepare { path: pool.path().join(folder_name), source };
    let folder = pool.machine(folder_name, &password).map_err(prepare)?;
    let started = start_in(settings, groups, name, folder_name, &folder, password).await;
    if started.is_err() {
        let path = folder.path.clone();
        // The error that is reported is the one that came first.
        let _ = tokio::task::spawn_blocking(move || remove_tree(&path)).await;
    }
    started
}

/// Becomes the agent when it is told to: the agent looks for its control groups as it starts, and must be in them then.
const GATE: &str = r#"read -r go && exec "$0" "$@" </dev/null"#;

/// The command of an agent that waits at the gate, in this folder. The caller says where its output goes.
pub(super) fn command(settings: &LocalSettings, folder: &MachineFolder) -> Command {
    let trees = folder.path.parent().unwrap_or(&folder.path);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", GATE])
        .arg(&settings.program)
        .args(&settings.leading_args)
        .args(["--listen", "127.0.0.1:0", "--no-tls", "--work-dir"])
        .arg(&folder.work_dir)
        .arg("--password-file")
        .arg(&folder.password_file)
        // A tree that one machine of the pool made is cloned to the others.
        .arg("--allow-clone-from")
        .arg(trees)
        .current_dir(&folder.path)
        .stdin(Stdio::piped())
        // An interrupt from the terminal is for the coordinator, which ends its buildlets in its own time.
        .process_group(0);
    command
}

async fn start_in(
    settings: &LocalSettings,
    groups: &PoolGroups,
    name: &str,
    folder_name: &str,
    folder: &MachineFolder,
    password: Secret,
) -> Result<(Agent, BuildletUrl), PoolError> {
    let spawn_failed = |source| PoolError::Spawn { program: settings.program.clone(), source };
    let start_failed = |cause| PoolError::Start { name: name.to_owned(), cause };
    let groups = groups
        .machine(folder_name, &settings.limits)
        .map_err(|error| start_failed(format!("its control group could not be made: {error}")))?;
    std::fs::metadata(&settings.program).map_err(spawn_failed)?;
    let mut child = command(settings, folder)
        .arg("--die-with-parent")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(spawn_failed)?;
    let pid = child.id().expect("it was not waited for yet");
    groups.adopt(pid).map_err(|error| start_failed(format!("its control group does not take it: {error}")))?;
    let mut gate = child.stdin.take().expect("it was asked for");
    gate.write_all(b"\n").await.map_err(spawn_failed)?;
    let (output, readers) = Output::read(name, &mut child);
    let mut url = output.url.subscribe();
    let said = async {
        let first = async { url.wait_for(Option::is_some).await.map(|url| url.clone()) };
        timeout(settings.start, first).await
    };
    let text = tokio::select! {
        said = said => match said {
            Ok(Ok(url)) => url.expect("it was waited for"),
            Ok(Err(_)) => return Err(start_failed("its output cannot be read".to_owned())),
            Err(_) => {
                let cause = format!("it did not say where it listens within {:?}{}", settings.start, output.tail());
                return Err(start_failed(cause));
            }
        },
        ended = child.wait() => {
            let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            for reader in readers {
                // The rest of its output, unless something else holds the pipe open.
                let _ = timeout(settings.client.close, reader).await;
            }
            return Err(start_failed(format!("it ended with {ended}{}", output.tail())));
        }
    };
    let mut url: BuildletUrl = text.parse().map_err(|error| start_failed(format!("its URL is not one: {error}")))?;
    url.password = Some(password);
    let process = Process::Child { child, _output: readers };
    Ok((Agent { name: name.to_owned(), process, groups, folder: folder.clone(), pid }, url))
}
