//! Agents as processes, and looking for processes that should be gone.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use buildlet::BuildletUrl;
use buildlet::client::ClientSettings;
use pool::PoolError;

/// The bound of everything that must happen: these machines are shared with other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Heartbeats that notice a death soon.
pub(crate) fn client() -> ClientSettings {
    ClientSettings {
        heartbeat_every: Duration::from_millis(50),
        heartbeat_timeout: Duration::from_secs(5),
        heartbeat_misses: 2,
        ..ClientSettings::default()
    }
}

/// The process that is an agent or a coordinator, built with the tests.
pub(crate) fn helper() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/pool_agent");
    if !path.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "-q", "-p", "pool", "--example", "pool_agent"]).status();
        assert!(built.unwrap().success(), "the example pool_agent was not built");
    }
    path
}

/// The binary that is an agent: the real `muster` where `MUSTER_BIN` names it.
pub(crate) fn agent() -> PathBuf {
    std::env::var_os("MUSTER_BIN").map_or_else(helper, PathBuf::from)
}

/// An agent that nobody's pool started. It ends with this value.
pub(crate) struct OutsideAgent {
    child: Child,
    pub(crate) url: BuildletUrl,
    pub(crate) work_dir: PathBuf,
}

impl OutsideAgent {
    pub(crate) fn start(folder: &Path, listen: &str) -> OutsideAgent {
        OutsideAgent::start_with(folder, listen, "secret")
    }

    pub(crate) fn start_with(folder: &Path, listen: &str, secret: &str) -> OutsideAgent {
        OutsideAgent::spawn(folder, listen, secret, &[])
    }

    pub(crate) fn with_options(folder: &Path, options: &[&str]) -> OutsideAgent {
        OutsideAgent::spawn(folder, "127.0.0.1:0", "secret", options)
    }

    fn spawn(folder: &Path, listen: &str, secret: &str, more: &[&str]) -> OutsideAgent {
        let work_dir = folder.join("work");
        let password = folder.join("password");
        std::fs::create_dir_all(folder).unwrap();
        let mut options = std::fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create(true).truncate(true), 0o600);
        options.open(&password).unwrap().write_all(secret.as_bytes()).unwrap();
        let mut child = Command::new(agent())
            .args(["buildlet", "--no-tls", "--die-with-parent", "--listen", listen, "--work-dir"])
            .arg(&work_dir)
            .arg("--password-file")
            .arg(&password)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let mut url: BuildletUrl = line.split_whitespace().last().expect("a URL").parse().unwrap();
        url.password = Some(buildlet::Secret::new(secret));
        OutsideAgent { child, url, work_dir }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for OutsideAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process runs; one that ended and was not waited for does not.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // `pid (name) state ...`; a name may hold anything, a `)` too.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Opens the next life of a pool. The last one was just dropped, and may take a moment to let go of its folder.
pub(crate) async fn opened<P>(open: impl Fn() -> Result<P, PoolError>) -> P {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match open() {
            Ok(pool) => return pool,
            Err(error @ PoolError::Keep { .. }) => assert!(Instant::now() < deadline, "{}", error.chain()),
            Err(error) => panic!("{}", error.chain()),
        }
        tokio::task::yield_now().await;
    }
}

/// The command lines of processes that name this folder.
pub(crate) fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(&folder) && runs(pid) {
            found.push(format!("process {pid} `{command}`"));
        }
    }
    found
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
