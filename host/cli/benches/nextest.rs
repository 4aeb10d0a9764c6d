//! How near a spread Rust suite comes to its own parallel runner: main and one local helper against nextest with two
//! processes, the test phase of each.
//!
//! The suite is that of two of crossbeam's crates: 450 tests, 200 seconds one after another, of which many wait and many
//! use both processors. By then Muster has the snapshot of the made tree and the history of one run; nextest has
//! everything compiled. The time of a build is that from its first exec of tests to its last verdict, that of nextest is
//! the one it prints. The binary is the one that `MUSTER_BIN` names, the suite that in the folder `MUSTER_TEST_PROJECTS`.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use measure::{Bar, Report, Samples};

use support::Build;

const ROUNDS: usize = 5;
const SUITE: &str = "crossbeam-workspace";
/// How many tests run at once, either way.
const PROCESSES: &str = "2";
/// Machines beside the main one: each runs one test at a time.
const HELPERS: &str = "1";
/// What a spread suite may take beyond its own runner's time.
const MOST: f64 = 1.15;
/// What is laid into its tree: nextest runs no documentation tests.
const MUSTER: &str = "[cargo]\nrunner = \"nextest\"\ndoc-tests = false\n";
/// Debug information is of no use here, and most of a snapshot.
const NO_DEBUG: (&str, &str) = ("CARGO_PROFILE_DEV_DEBUG", "0");

fn main() -> Result<ExitCode> {
    let binary = std::env::var_os("MUSTER_BIN").context("name the binary as MUSTER_BIN")?;
    let projects = std::env::var_os("MUSTER_TEST_PROJECTS").context("name the projects as MUSTER_TEST_PROJECTS")?;
    let home = tempfile::tempdir()?;
    let bench = Bench { binary: binary.into(), tree: Path::new(&projects).join(SUITE), home: home.path().to_owned() };
    std::fs::write(bench.tree.join("muster.toml"), MUSTER)?;
    bench.muster()?;
    bench.compile()?;
    let mut report = Report::default();
    let [mut own, mut spread] = [(); 2].map(|()| Samples::default());
    for _ in 0..ROUNDS {
        own.push(bench.nextest()?);
        let build = bench.muster()?;
        spread.push(build.tests);
        build.certificate.iter().for_each(|line| report.note(line));
    }
    report.samples("crossbeam, nextest with two processes", &own, &own);
    report.samples("crossbeam, main and one local helper", &spread, &own);
    let ratio = spread.median().as_secs_f64() / own.median().as_secs_f64();
    report.bar("crossbeam, main and one local helper to nextest with two processes", ratio, Bar::AtMost(MOST));
    Ok(report.end())
}

/// Where everything is.
struct Bench {
    binary: PathBuf,
    tree: PathBuf,
    home: PathBuf,
}

impl Bench {
    /// All that nextest runs.
    fn compile(&self) -> Result<()> {
        let output = self.own_runner().arg("--no-run").output().context("start cargo nextest")?;
        ensure!(output.status.success(), "nextest: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn nextest(&self) -> Result<Duration> {
        let mut command = self.own_runner();
        command.args(["--no-fail-fast", "--status-level", "fail", "--test-threads", PROCESSES]);
        let output = command.output().context("start cargo nextest")?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "nextest: {text}");
        printed(&text).with_context(|| format!("nextest prints no time: {text}"))
    }

    fn own_runner(&self) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(&self.tree).args(["nextest", "run", "--color", "never"]);
        command.env("CARGO_TARGET_DIR", self.home.join("target")).envs([NO_DEBUG]);
        command
    }

    fn muster(&self) -> Result<Build> {
        let mut command = Command::new(&self.binary);
        command.arg("build").arg(&self.tree).args(["--helpers", HELPERS, "--state"]).arg(&self.home);
        Build::run(command.envs([NO_DEBUG]))
    }
}

/// `     Summary [  12.345s] 600 tests run: …`.
fn printed(text: &str) -> Option<Duration> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("Summary ["))?;
    let seconds = line.split_once("s]")?.0.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
