//! What spreading costs where it has nothing to go by: published suites on main and two local helpers with no history,
//! against their own runner in one process.
//!
//! The time is that from the end of the make to the end of `muster build`: snapshot, listing and tests. The binary is
//! the one that `MUSTER_BIN` names, the projects those of the folder `MUSTER_TEST_PROJECTS`, equipped as `cargo xtask
//! projects` does.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use measure::{Bar, Report, Samples};
use serde_json::Value;

const ROUNDS: usize = 5;
/// Of 7,089 and of 4,403 tests.
const RELEASES: [&str; 2] = ["babel-2.16.0", "pygments-2.18.0"];
/// Spreading takes no longer than not spreading.
const RATIO_BAR: f64 = 1.0;

fn main() -> Result<ExitCode> {
    let binary = std::env::var_os("MUSTER_BIN").context("name the binary as MUSTER_BIN")?;
    let projects = std::env::var_os("MUSTER_TEST_PROJECTS").context("name the projects as MUSTER_TEST_PROJECTS")?;
    let mut report = Report::default();
    for release in RELEASES {
        let project = Project::of(Path::new(&projects), release);
        let [mut own, mut spread] = [(); 2].map(|()| Samples::default());
        for _ in 0..ROUNDS {
            own.push(project.own_runner()?);
            spread.push(project.muster(Path::new(&binary))?);
        }
        report.samples(&format!("{release}, its own runner"), &own, &own);
        report.samples(&format!("{release}, main and two helpers"), &spread, &own);
        report.bar(
            &format!("{release}, spread to own"),
            spread.median().as_secs_f64() / own.median().as_secs_f64(),
            Bar::AtMost(RATIO_BAR),
        );
    }
    Ok(report.end())
}

/// A published project and the environment made for it.
struct Project {
    tree: PathBuf,
    environment: PathBuf,
}

impl Project {
    fn of(projects: &Path, release: &str) -> Project {
        Project { tree: projects.join(release), environment: projects.join(format!("{release}-venv")) }
    }

    /// One process, as its authors run it.
    fn own_runner(&self) -> Result<Duration> {
        let mut command = Command::new(self.environment.join("bin/python"));
        command.current_dir(&self.tree).args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
        let begun = Instant::now();
        let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().context("start the project's own runner")?;
        ensure!(output.status.success(), "the own runner: {}", String::from_utf8_lossy(&output.stdout));
        Ok(begun.elapsed())
    }

    /// A build by a user who never built before, from the end of its make.
    fn muster(&self, binary: &Path) -> Result<Duration> {
        let home = tempfile::tempdir()?;
        let mut command = Command::new(binary);
        command.arg("build").arg(&self.tree).args(["--helpers", "2", "--json", "--state"]).arg(home.path());
        command.env("HOME", home.path()).env("VIRTUAL_ENV", &self.environment);
        let mut build = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("start MUSTER_BIN")?;
        let events = BufReader::new(build.stdout.take().context("it has a stdout")?);
        let mut made = None;
        for line in events.lines() {
            let event: Value = serde_json::from_str(&line?)?;
            if event["event"] == "phase" && event["name"] == "make" && event["state"] == "ended" {
                made = Some(Instant::now());
            }
        }
        let status = build.wait()?;
        let time = made.context("the build ended before its tree was made")?.elapsed();
        ensure!(status.success(), "muster build ended with {status}");
        Ok(time)
    }
}
