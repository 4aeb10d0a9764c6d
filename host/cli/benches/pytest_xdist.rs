//! How near a spread Python suite comes to its own parallel runner: main and one local helper against pytest-xdist with
//! two processes, the test phase of each.
//!
//! The suite is that of networkx with its slow tests: 5,000 tests, more than two minutes one after another. By then
//! Muster has the snapshot of the tree and the history of one run, and either side has everything compiled. The time of a
//! build is that from its first exec of tests to its last verdict; that of pytest-xdist is the one it prints, in which
//! its two processes start and collect, as each exec of a build does. The binary is the one that `MUSTER_BIN` names, the
//! suite that in the folder `MUSTER_TEST_PROJECTS`, equipped as `cargo xtask projects` does.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use measure::{Bar, Report, Samples};

use support::Build;

const ROUNDS: usize = 5;
const RELEASE: &str = "networkx-3.4.2";
/// How many tests run at once, either way.
const PROCESSES: &str = "2";
/// Machines beside the main one: each runs one test at a time.
const HELPERS: &str = "1";
/// What makes pytest run the tests that the project calls slow, too. It is an option of the package's own, which pytest
/// knows once it knows where the tests lie.
const SLOW: [&str; 3] = ["-o", "testpaths=networkx", "--runslow"];
/// What a spread suite may take beyond its own runner's time: pytest starts and collects with each group.
const MOST: f64 = 1.3;
/// Where Python keeps what it compiled, as it would beside the sources.
const COMPILED: &str = "PYTHONPYCACHEPREFIX";
/// Nothing is compiled twice, whatever is set here.
const NOT_COMPILED: &str = "PYTHONDONTWRITEBYTECODE";

fn main() -> Result<ExitCode> {
    let binary = std::env::var_os("MUSTER_BIN").context("name the binary as MUSTER_BIN")?;
    let projects = std::env::var_os("MUSTER_TEST_PROJECTS").context("name the projects as MUSTER_TEST_PROJECTS")?;
    let (projects, home) = (Path::new(&projects), tempfile::tempdir()?);
    let bench = Bench {
        binary: binary.into(),
        tree: projects.join(RELEASE),
        environment: projects.join(format!("{RELEASE}-venv")),
        home: home.path().to_owned(),
    };
    std::fs::write(bench.configuration(), format!("[plugins.pytest.settings]\nargs = {SLOW:?}\n"))?;
    bench.muster()?;
    bench.xdist()?;
    let mut report = Report::default();
    let [mut own, mut spread] = [(); 2].map(|()| Samples::default());
    for _ in 0..ROUNDS {
        own.push(bench.xdist()?);
        let build = bench.muster()?;
        spread.push(build.tests);
        build.certificate.iter().for_each(|line| report.note(line));
    }
    report.samples("networkx, pytest-xdist with two processes", &own, &own);
    report.samples("networkx, main and one local helper", &spread, &own);
    let ratio = spread.median().as_secs_f64() / own.median().as_secs_f64();
    report.bar("networkx, main and one local helper to pytest-xdist with two processes", ratio, Bar::AtMost(MOST));
    Ok(report.end())
}

/// Where everything is.
struct Bench {
    binary: PathBuf,
    tree: PathBuf,
    environment: PathBuf,
    home: PathBuf,
}

impl Bench {
    fn xdist(&self) -> Result<Duration> {
        let mut command = Command::new(self.environment.join("bin/python"));
        command.current_dir(&self.tree).args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", PROCESSES]);
        command.args(SLOW);
        command.env_remove(NOT_COMPILED).env(COMPILED, self.home.join("compiled"));
        let output = command.output().context("start pytest")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "pytest: {text}{}", String::from_utf8_lossy(&output.stderr));
        printed(&text).with_context(|| format!("pytest prints no time: {text}"))
    }

    fn muster(&self) -> Result<Build> {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.configuration()).arg("build").arg(&self.tree);
        command.args(["--helpers", HELPERS, "--state"]).arg(self.home.join("state"));
        Build::run(command.env("VIRTUAL_ENV", &self.environment).env_remove(NOT_COMPILED))
    }

    /// What the host says of the suite: nothing is laid into its tree.
    fn configuration(&self) -> PathBuf {
        self.home.join("coordinator.toml")
    }
}

/// `5010 passed, 88 skipped in 61.17s (0:01:01)`.
fn printed(text: &str) -> Option<Duration> {
    let (_, time) = text.lines().rev().find_map(|line| line.rsplit_once(" in "))?;
    let seconds = time.split_once('s')?.0.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
