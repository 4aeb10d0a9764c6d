//! One agent's process: started, listened to until it says where it is, and ended with all that it started.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use buildlet::{BuildletUrl, Secret};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::LocalSettings;
use super::cgroup::{MachineGroups, PoolGroups};
use super::folders::{MachineFolder, PoolFolder};
use crate::PoolError;
use crate::owned::remove_tree;

/// Lines of an agent's output that are kept for the message when it fails to start.
const KEPT_LINES: usize = 20;

/// Bytes of one line that are kept.
const KEPT_LINE_BYTES: usize = 500;

/// A running agent. Dropping it kills the process, but waits for nothing; [`Agent::destroy`] does.
#[derive(Debug)]
pub(super) struct Agent {
    name: String,
    child: Child,
    groups: MachineGroups,
    pub(super) folder: MachineFolder,
    pub(super) url: BuildletUrl,
    pub(super) pid: u32,
    _output: Vec<AbortOnDropHandle<()>>,
}

/// What the readers of an agent's output share.
struct Output {
    tail: Mutex<VecDeque<String>>,
    url: watch::Sender<Option<String>>,
}

impl Agent {
    /// Starts an agent for a machine of this name, in a new folder of this other name.
    pub(super) async fn start(
        settings: &LocalSettings,
        pool: &PoolFolder,
        groups: &PoolGroups,
        name: &str,
        folder_name: &str,
    ) -> Result<Agent, PoolError> {
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

    /// Ends the process and all that it started, and removes its folder.
    pub(super) async fn destroy(mut self, settings: &LocalSettings, client: Option<&buildlet::client::Client>) {
        let deadline = Instant::now() + settings.stop;
        if !self.groups.track()
            && let Some(client) = client
        {
            // Without groups only the agent itself knows what it started.
            let halted = async { client.halt().await.is_ok() && self.child.wait().await.is_ok() };
            let _ = tokio::time::timeout(settings.client.close * 2, halted).await;
        }
        if let Err(error) = self.child.start_kill() {
            tracing::warn!(machine = self.name, %error, "a buildlet's process could not be killed");
        }
        if !self.groups.kill_all(deadline).await {
            tracing::warn!(machine = self.name, "processes of a buildlet outlived {:?}", settings.stop);
        }
        if tokio::time::timeout_at(deadline, self.child.wait()).await.is_err() {
            tracing::warn!(machine = self.name, pid = self.pid, "a buildlet's process outlived {:?}", settings.stop);
        }
        let path = self.folder.path.clone();
        let removed = tokio::task::spawn_blocking(move || remove_tree(&path));
        match tokio::time::timeout_at(deadline, removed).await {
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

/// Becomes the agent when it is told to: the agent looks for its control groups as it starts, and must be in them then.
const GATE: &str = r#"read -r go && exec "$0" "$@" </dev/null"#;

async fn start_in(
    settings: &LocalSettings,
    groups: &PoolGroups,
    name: &str,
    folder_name: &str,
    folder: &MachineFolder,
    password: Secret,
) -> Result<Agent, PoolError> {
    let spawn_failed = |source| PoolError::Spawn { program: settings.program.clone(), source };
    let start_failed = |cause| PoolError::Start { name: name.to_owned(), cause };
    let trees = folder.path.parent().unwrap_or(&folder.path);
    let groups = groups
        .machine(folder_name, &settings.limits)
        .map_err(|error| start_failed(format!("its control group could not be made: {error}")))?;
    std::fs::metadata(&settings.program).map_err(spawn_failed)?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", GATE])
        .arg(&settings.program)
        .args(&settings.leading_args)
        .args(["--listen", "127.0.0.1:0", "--no-tls", "--die-with-parent", "--work-dir"])
        .arg(&folder.work_dir)
        .arg("--password-file")
        .arg(&folder.password_file)
        // A tree that one machine of the pool made is cloned to the others.
        .arg("--allow-clone-from")
        .arg(trees)
        .current_dir(&folder.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // An interrupt from the terminal is for the coordinator, which ends its buildlets in its own time.
        .process_group(0)
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
    Ok(Agent { name: name.to_owned(), child, groups, folder: folder.clone(), url, pid, _output: readers })
}

impl Output {
    /// Reads both streams until they end: a full pipe would stop the agent.
    fn read(name: &str, child: &mut Child) -> (Arc<Output>, Vec<AbortOnDropHandle<()>>) {
        let output = Arc::new(Output { tail: Mutex::new(VecDeque::new()), url: watch::Sender::new(None) });
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let readers = vec![
            AbortOnDropHandle::new(tokio::spawn(Arc::clone(&output).follow(name.to_owned(), stdout, true))),
            AbortOnDropHandle::new(tokio::spawn(Arc::clone(&output).follow(name.to_owned(), stderr, false))),
        ];
        (output, readers)
    }

    async fn follow(self: Arc<Self>, name: String, stream: impl AsyncRead + Unpin, has_url: bool) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match read_line(&mut reader, &mut line).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
            let text = String::from_utf8_lossy(&line);
            if has_url
                && self.url.borrow().is_none()
                && let Some(url) = find_url(&text)
            {
                self.url.send_replace(Some(url.to_owned()));
                continue;
            }
            tracing::debug!(machine = name, "{text}");
            let mut tail = self.tail.lock().expect("no holder of this lock can panic");
            if tail.len() == KEPT_LINES {
                tail.pop_front();
            }
            tail.push_back(text.into_owned());
        }
    }

    /// The last lines, to be put behind a message.
    fn tail(&self) -> String {
        let tail = self.tail.lock().expect("no holder of this lock can panic");
        if tail.is_empty() {
            return String::new();
        }
        let lines: Vec<&str> = tail.iter().map(String::as_str).collect();
        format!(", having said: {}", lines.join(" | "))
    }
}

/// Reads a line and keeps its first bytes. Whether there was one.
async fn read_line(reader: &mut (impl AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut any = false;
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let text = &buffer[..end.unwrap_or(buffer.len())];
        let room = KEPT_LINE_BYTES.saturating_sub(line.len());
        line.extend_from_slice(&text[..text.len().min(room)]);
        let used = text.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// The URL in a line such as `listening http://127.0.0.1:5936/`.
fn find_url(line: &str) -> Option<&str> {
    line.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_found_behind_any_words() {
        assert_eq!(find_url("listening http://:x@127.0.0.1:1/"), Some("http://:x@127.0.0.1:1/"));
        assert_eq!(find_url("https://:x@h:1/#sha256=00"), Some("https://:x@h:1/#sha256=00"));
        assert_eq!(find_url("starting"), None);
    }

    #[tokio::test]
    async fn a_long_line_is_cut_and_the_next_one_is_whole() -> std::io::Result<()> {
        let text = [vec![b'x'; 100_000], b"\nnext\nlast".to_vec()].concat();
        let mut reader = BufReader::new(&text[..]);
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            if !read_line(&mut reader, &mut line).await? {
                break;
            }
            lines.push(line);
        }
        assert_eq!(lines[0].len(), KEPT_LINE_BYTES);
        assert_eq!(lines[1..], [b"next".to_vec(), b"last".to_vec()]);
        Ok(())
    }
}
