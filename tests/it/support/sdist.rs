//! A published Python project with its own suite, fetched as its authors released it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::junit;

/// Its name in the Python package index: 664 tests, a few seconds in one process.
const NAME: &str = "more-itertools";
const VERSION: &str = "10.5.0";
/// The folder in its archive.
const FOLDER: &str = "more-itertools-10.5.0";
const RUNNER: &str = "pytest==8.3.5";

/// An unpacked tree, with an environment to test it in.
pub(crate) struct Sdist {
    base: PathBuf,
}

impl Sdist {
    /// Fetches it, if that was not done before. Tests that run at the same time wait for one another.
    pub(crate) fn fetch() -> Sdist {
        let base = cache().join(format!("muster-tests/{FOLDER}"));
        fs::create_dir_all(&base).unwrap();
        let lock = File::create(base.join("lock")).unwrap();
        lock.lock().unwrap();
        let whole = base.join("whole");
        let sdist = Sdist { base };
        if !whole.exists() {
            sdist.unpack();
            run(Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(sdist.environment()));
            run(Command::new(sdist.environment().join("bin/pip")).args(["install", "--quiet", RUNNER]));
            fs::write(whole, "").unwrap();
        }
        sdist
    }

    fn unpack(&self) {
        let requirement = format!("{NAME}=={VERSION}");
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", NAME, &requirement, "--dest"];
        run(Command::new(PYTHON).args(pip).arg(&self.base));
        let archives = fs::read_dir(&self.base).unwrap().map(|entry| entry.unwrap().path());
        let archive = archives.into_iter().find(|path| path.extension().is_some_and(|end| end == "gz")).unwrap();
        run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&self.base));
        // Archives keep the name as it was spelled when they were made.
        let unpacked = fs::read_dir(&self.base).unwrap().map(|entry| entry.unwrap().path());
        let unpacked = unpacked.into_iter().find(|path| path.join("pyproject.toml").exists()).unwrap();
        if unpacked != self.tree() {
            fs::rename(unpacked, self.tree()).unwrap();
        }
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.base.join(FOLDER)
    }

    pub(crate) fn environment(&self) -> PathBuf {
        self.base.join("environment")
    }

    /// What its own runner says, in one process: class and name of each test to its result.
    pub(crate) fn own_verdicts(&self) -> BTreeMap<(String, String), String> {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("own.xml");
        let mut command = Command::new(self.environment().join("bin/python"));
        command.current_dir(self.tree()).args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml"]);
        let output = command.arg(&report).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        junit::read(&report)
    }
}

/// The system's own, which containers that share this machine's `/usr` have too.
const PYTHON: &str = "/usr/bin/python3";

fn cache() -> PathBuf {
    let by_home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(by_home).unwrap_or_else(std::env::temp_dir)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
