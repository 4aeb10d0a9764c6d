//! Runs the binary and reads what it says.

pub(crate) mod buildlet;
pub(crate) mod disk;
pub(crate) mod http;
pub(crate) mod junit;
mod lab;
pub(crate) mod live;
pub(crate) mod otlp;
pub(crate) mod podman;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod s3;
pub(crate) mod sdist;
pub(crate) mod server;
mod tree;
mod until;

pub(crate) use lab::Lab;
pub(crate) use live::Live;
pub(crate) use server::Server;
pub(crate) use tree::Tree;
pub(crate) use until::{until, within};

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Settings of a user whose heartbeats need not be waited for.
pub(crate) const QUICK: &str = "[limits]\nheartbeat-every = \"500ms\"\nheartbeat-timeout = \"500ms\"\n";

/// One user of the binary: a home, a state folder, nothing of this machine's configuration.
pub(crate) struct User {
    home: TempDir,
}

/// How a `muster build` went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
    /// `suite` and `name` of each test to its result: `passed`, `failed`, `skipped`, `error`.
    pub(crate) junit: BTreeMap<junit::Name, String>,
    /// The same, with every result of tests that are called alike.
    all: BTreeMap<junit::Name, Vec<String>>,
    /// The ordered log.
    pub(crate) log: Vec<u8>,
}

impl User {
    pub(crate) fn new() -> User {
        User { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes the host's configuration.
    pub(crate) fn configure(&self, text: &str) {
        let folder = self.path(".config/muster");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("coordinator.toml"), text).unwrap();
    }

    /// The binary, with these arguments.
    pub(crate) fn muster(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(binary());
        command.args(args).env_clear().env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        // Compiled plugins are shared: compiling them again in each test shows nothing.
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).env("LANG", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// `muster build TREE` with `--json` and every report.
    pub(crate) fn build_command(&self, tree: &Path, args: &[&str]) -> Command {
        let mut command = self.muster(["build"]);
        command.arg(tree).args(["--json", "--junit"]).arg(self.path("junit.xml"));
        command.arg("--log").arg(self.path("ordered.log")).args(args);
        command
    }

    /// Runs a build to its end.
    pub(crate) fn build(&self, tree: &Path, args: &[&str]) -> Outcome {
        self.run(self.build_command(tree, args))
    }

    /// Runs a command of this user's to its end.
    pub(crate) fn run(&self, mut command: Command) -> Outcome {
        let output = command.output().unwrap();
        self.outcome(output.status.code(), &output.stdout, &output.stderr)
    }

    /// The names of the snapshots that are kept here.
    pub(crate) fn snapshots(&self) -> Vec<String> {
        let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.strip_suffix(".record")?.to_owned());
        let mut names: Vec<String> = self.blob_files().iter().filter_map(name).collect();
        names.sort_unstable();
        names
    }

    /// The archives of the snapshots that are kept here.
    pub(crate) fn snapshot_files(&self) -> Vec<PathBuf> {
        let beside = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "record" || kind == "used");
        self.blob_files().into_iter().filter(|path| !beside(path)).collect()
    }

    /// Makes everything that is kept of snapshots older.
    pub(crate) fn age_snapshots(&self, by: Duration) {
        for path in self.blob_files() {
            let file = std::fs::File::open(&path).unwrap();
            file.set_modified(file.metadata().unwrap().modified().unwrap() - by).unwrap();
        }
    }

    fn blob_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.path(".local/state/muster/blobs")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let list = if entry.file_type().unwrap().is_dir() { &mut folders } else { &mut files };
                list.push(entry.path());
            }
        }
        files
    }

    pub(crate) fn outcome(&self, code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Outcome {
        let events = String::from_utf8_lossy(stdout);
        Outcome {
            code,
            events: events.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            stderr: String::from_utf8_lossy(stderr).into_owned(),
            junit: junit::read(&self.path("junit.xml")),
            all: junit::read_all(&self.path("junit.xml"), |result| result),
            log: std::fs::read(self.path("ordered.log")).unwrap_or_default(),
        }
    }
}

/// Says why a test shows nothing here. In the gate nothing may be missing.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "nothing is skipped in the gate: {reason}");
    eprintln!("skipped: {reason}");
}

/// Whether this run takes minutes for one test; one that does not says so.
pub(crate) fn is_full_for(what: &str) -> bool {
    if !is_full() {
        eprintln!("{what}: only by `cargo xtask test --full`");
    }
    is_full()
}

/// Whether this run is to repeat what others show once.
pub(crate) fn is_full() -> bool {
    std::env::var_os("MUSTER_TEST_FULL").is_some()
}

/// The binary under test: the test runner says which.
pub(crate) fn binary() -> PathBuf {
    match std::env::var_os("MUSTER_BIN") {
        Some(binary) => PathBuf::from(binary),
        None => {
            let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/muster");
            assert!(target.exists(), "build the binary first, or run `cargo xtask test`");
            target
        }
    }
}

impl Outcome {
    /// The result of the test of this name.
    pub(crate) fn result(&self, name: &str) -> &str {
        let found = self.junit.iter().find(|((_, case), _)| case == name);
        found.map_or_else(|| panic!("no test `{name}` in {:?}\n{}", self.junit, self.stderr), |(_, result)| result)
    }

    /// Every test case with its results: a project's own runner may call two alike.
    pub(crate) fn results(&self) -> &BTreeMap<junit::Name, Vec<String>> {
        &self.all
    }

    /// Events of this name.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> + 'a {
        self.events.iter().filter(move |event| event["event"] == name)
    }

    /// The whole of what was said, for a failed assertion.
    pub(crate) fn all(&self) -> String {
        let events: Vec<String> = self.events.iter().map(ToString::to_string).collect();
        format!("exit {:?}\n{}\n{}", self.code, events.join("\n"), self.stderr)
    }
}

/// Two long texts are the same; where they begin to differ is shown, and no more.
pub(crate) fn assert_same(what: &str, left: &str, right: &str) {
    let place = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let around = |text: &str| {
        let bytes = &text.as_bytes()[place.saturating_sub(200)..text.len().min(place + 200)];
        String::from_utf8_lossy(bytes).into_owned()
    };
    let (lengths, around) = ((left.len(), right.len()), (around(left), around(right)));
    assert!(left == right, "{what}: {lengths:?} bytes, from {place} on:\n{:?}\n{:?}", around.0, around.1);
}
