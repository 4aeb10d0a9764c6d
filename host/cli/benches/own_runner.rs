//! What spreading costs where it has nothing to go by: published suites on main and two local helpers with no history,
//! against their own runner in one process.
//!
//! The bar holds for a suite of a minute and a half. The other two are over in a quarter and a half of a minute, which
//! nobody would spread on one machine: each of three processes loads what the tests share, and so they show what
//! spreading costs.
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
/// Of 5,010, 7,089 and 4,403 tests. Spreading the first takes no longer than not spreading it.
const RELEASES: [(&str, Option<f64>); 3] =
    [("networkx-3.4.2", Some(1.0)), ("babel-2.16.0", None), ("pygments-2.18.0", None)];
/// Where Python keeps what it compiled from one run of an own runner to the next, as it would beside the sources.
const COMPILED: &str = "PYTHONPYCACHEPREFIX";
/// Nothing is compiled twice, whatever is set here.
const NOT_COMPILED: &str = "PYTHONDONTWRITEBYTECODE";

fn main() -> Result<ExitCode> {
    let binary = std::env::var_os("MUSTER_BIN").context("name the binary as MUSTER_BIN")?;
    let projects = std::env::var_os("MUSTER_TEST_PROJECTS").context("name the projects as MUSTER_TEST_PROJECTS")?;
    let mut report = Report::default();
    let compiled = tempfile::tempdir()?;
    for (release, bar) in RELEASES {
        let project = Project::of(Path::new(&projects), release);
        let [mut own, mut spread] = [(); 2].map(|()| Samples::default());
        for _ in 0..ROUNDS {
            own.push(project.own_runner(compiled.path())?);
            spread.push(project.muster(Path::new(&binary))?);
        }
        report.samples(&format!("{release}, its own runner"), &own, &own);
        report.samples(&format!("{release}, main and two helpers"), &spread, &own);
        let ratio = spread.median().as_secs_f64() / own.median().as_secs_f64();
        match bar {
            Some(bar) => report.bar(&format!("{release}, spread to own"), ratio, Bar::AtMost(bar)),
            None => report.note(&format!("{release}, spread to own: {ratio:.2}")),
        }
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
    fn own_runner(&self, compiled: &Path) -> Result<Duration> {
        let mut command = Command::new(self.environment.join("bin/python"));
        command.current_dir(&self.tree).args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
        let begun = Instant::now();
        command.env_remove(NOT_COMPILED).env(COMPILED, compiled);
        let output = command.output().context("start the project's own runner")?;
        ensure!(output.status.success(), "the own runner: {}", String::from_utf8_lossy(&output.stdout));
        Ok(begun.elapsed())
    }

    /// A build by a user who never built before, from the end of its make.
    fn muster(&self, binary: &Path) -> Result<Duration> {
        let home = tempfile::tempdir()?;
        let mut command = Command::new(binary);
        command.arg("build").arg(&self.tree).args(["--helpers", "2", "--json", "--state"]).arg(home.path());
        command.env("HOME", home.path()).env("VIRTUAL_ENV", &self.environment).env_remove(NOT_COMPILED);
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
