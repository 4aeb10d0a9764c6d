//! A PostgreSQL server of this test's own, stopped when the test ends, also by a panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Where Debian, and most others, put the programs; the newest version is taken.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A running server.
pub(crate) struct Postgres {
    folder: TempDir,
    bin: PathBuf,
}

impl Postgres {
    /// Starts one. None, with the reason printed, where PostgreSQL is not installed.
    ///
    /// # Panics
    /// Under CI, where it must be installed.
    pub(crate) fn start() -> Option<Postgres> {
        let Some(bin) = programs() else {
            let reason = format!("PostgreSQL is not installed: there is no {VERSIONS}/*/bin/initdb");
            assert!(std::env::var_os("CI").is_none(), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        if rustix::process::geteuid().is_root() {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(owned.success(), "the user postgres is needed");
        }
        let server = Postgres { folder, bin };
        let data = server.path("data");
        server.run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]);
        server.begin();
        Some(server)
    }

    /// Makes an empty database, and returns its URL.
    pub(crate) fn database(&self, name: &str) -> String {
        let folder = self.folder.path().to_str().unwrap();
        self.run("createdb", &["-h", folder, "-U", "postgres", name]);
        format!("postgres://postgres@localhost/{name}?host={folder}")
    }

    /// Stops at once, as a crash does.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &["-D", &self.path("data"), "-m", "immediate", "-w", "stop"]);
    }

    /// Starts, for the first time or after a stop.
    pub(crate) fn begin(&self) {
        // No port at all: the socket is in a folder of our own.
        let options = format!("-k {} -c listen_addresses= -c fsync=off", self.folder.path().display());
        let (data, log) = (self.path("data"), self.path("log"));
        self.run("pg_ctl", &["-D", &data, "-w", "-l", &log, "-o", &options, "start"]);
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = run_as_postgres(&self.bin.join(program), args);
        let said = String::from_utf8_lossy(&output.stderr);
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        assert!(output.status.success(), "{program} failed: {said}\n{log}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        run_as_postgres(&self.bin.join("pg_ctl"), &["-D", &self.path("data"), "-m", "immediate", "-w", "stop"]);
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?.flatten();
    let with_initdb = versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    with_initdb.max_by_key(|bin| version(bin))
}

fn version(bin: &Path) -> u32 {
    bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
}

/// It refuses to run as root.
fn run_as_postgres(program: &Path, args: &[&str]) -> Output {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // Without a pipe of ours the server holds nothing open that a reader would wait for.
    let said = tempfile::tempfile().unwrap();
    let status = command
        .args(args)
        .current_dir("/")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(said.try_clone().unwrap())
        .status()
        .unwrap();
    let mut stderr = Vec::new();
    let mut said = said;
    std::io::Seek::rewind(&mut said).unwrap();
    std::io::Read::read_to_end(&mut said, &mut stderr).unwrap();
    Output { status, stdout: Vec::new(), stderr }
}
