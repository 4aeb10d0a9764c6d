//! Agents to test against: in this process, and as processes of their own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use buildlet::{
    BuildletUrl, Secret,
    agent::{Agent, AgentConfig, ServeEnd},
    client::{Client, ClientSettings, ExecEnd, ExecFailure, ExecRequest},
    tls::KeyPair,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

/// Nothing in these tests takes longer on a working machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An agent in this process.
pub(crate) struct TestAgent {
    pub(crate) url: BuildletUrl,
    pub(crate) home: Arc<TempDir>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<ServeEnd>>,
}

impl TestAgent {
    pub(crate) async fn start() -> Result<Self> {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut AgentConfig)) -> Result<Self> {
        Self::start_in(Arc::new(tempfile::tempdir()?), change).await
    }

    /// Starts in a directory an agent before used.
    pub(crate) async fn start_in(home: Arc<TempDir>, change: impl FnOnce(&mut AgentConfig)) -> Result<Self> {
        let mut config = AgentConfig::new(home.path().join("work"));
        config.password = Some(Secret::new("s3cret"));
        config.limits.halt_delay = Duration::from_millis(1);
        change(&mut config);
        let agent = Agent::bind(config).await?;
        let url = agent.url();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let stopped = async {
                // A dropped test ends its agent too.
                let _ = stopped.await;
            };
            Ok(agent.serve(stopped).await?)
        });
        Ok(TestAgent { url, home, stop: Some(stop), served })
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.home.path().join("work")
    }

    pub(crate) async fn client(&self) -> Result<Client> {
        Ok(Client::connect(&self.url, ClientSettings::default()).await?)
    }

    /// Stops it and gives its directory, to start another there.
    pub(crate) async fn stop(mut self) -> Result<Arc<TempDir>> {
        drop(self.stop.take());
        tokio::time::timeout(PATIENCE, self.served).await???;
        Ok(self.home)
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) -> Result<ServeEnd> {
        tokio::time::timeout(PATIENCE, self.served).await??
    }
}

/// An agent as a process of its own.
pub(crate) struct AgentProcess {
    pub(crate) url: BuildletUrl,
    pub(crate) child: Child,
}

impl AgentProcess {
    /// Starts `examples/agent.rs` with these options.
    pub(crate) fn start(options: &serde_json::Value) -> Result<Self> {
        let mut child = Command::new(agent_program()?).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("it has a stdin")?;
        writeln!(stdin, "{options}")?;
        drop(stdin);
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("it has a stdout")?).read_line(&mut line)?;
        let url = line.trim().parse().with_context(|| format!("read the agent's URL from {line:?}"))?;
        Ok(AgentProcess { url, child })
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        // Asked to end, it removes its control groups. It may have ended before; then this does nothing.
        if let Ok(None) = self.child.try_wait() {
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_child(&self.child),
                rustix::process::Signal::TERM,
            );
        }
        let _ = self.child.wait();
    }
}

/// The example `agent`.
pub(crate) fn agent_program() -> Result<PathBuf> {
    example("agent")
}

/// An example, built if only this test was.
pub(crate) fn example(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profile = own.parent().and_then(Path::parent).context("tests lie in `deps`")?;
    let path = profile.join("examples").join(name);
    if !path.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo).args(["build", "-p", "buildlet", "--example", name]).status()?;
        if !built.success() {
            bail!("the example `{name}` could not be built");
        }
    }
    Ok(path)
}

/// A key pair of the ancestor's kind.
pub(crate) fn rsa_pair() -> Result<Arc<KeyPair>> {
    let pair = KeyPair::from_pem(include_bytes!("keys/cert.pem"), include_bytes!("keys/key.pem"))?;
    Ok(Arc::new(pair))
}

/// A shell command of the system.
pub(crate) fn sh(script: &str) -> ExecRequest {
    ExecRequest::sys("/bin/sh", ["-c", script])
}

/// Runs it and gives its output as text.
pub(crate) async fn run(client: &Client, request: &ExecRequest) -> Result<(ExecEnd, String), ExecFailure> {
    let mut output = Vec::new();
    let end = client.exec(request, &mut output).await?;
    Ok((end, String::from_utf8_lossy(&output).into_owned()))
}

/// Sends raw bytes on a new connection and reads until the agent closes.
pub(crate) async fn raw(url: &BuildletUrl, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect((url.host.as_str(), url.port)).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
    Ok(answer)
}

/// Waits until something holds, and fails when it never does.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.with_context(|| format!("wait until {what}"))
}

/// Whether a process lives.
pub(crate) fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits for a file a command writes a process id into.
pub(crate) async fn pid_in(path: &Path) -> Result<i32> {
    let read = || std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'));
    until("a pid is written", || read().is_some()).await?;
    Ok(read().context("it was just there")?.trim().parse()?)
}
