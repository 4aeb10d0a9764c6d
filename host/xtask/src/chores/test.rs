//! `cargo xtask test`: every behaviour once, on real servers; the runner's own summary comes last.

use std::process::Command;

use anyhow::bail;

use crate::args::Extent;
use crate::chores::build::BUNDLE_VARIABLE;
use crate::chores::plugins;
use crate::chores::tools::{self, Tools};
use crate::process::{self, cargo};
use crate::repository::Repository;
use crate::stages::Stages;

/// Runs all stages; tests that fail are an error after the summary.
pub(crate) fn run(repository: &Repository, extent: Extent) -> anyhow::Result<()> {
    let mut stages = Stages::default();
    // What is fetched and unpacked leaves most of a machine idle, and compiling needs all of it.
    let (fetched, s3_server) = stages.run_beside(
        "packages and projects",
        || tools::fetch(repository, extent),
        |stages| {
            let s3_server = stages.run("S3 server", || tools::s3_server(repository))?;
            stages.run("plugins", || plugins::run(repository))?;
            stages.run("build", || build(repository))?;
            Ok(s3_server)
        },
    )?;
    let tools = fetched.with(s3_server);
    let runner = Runner::find();
    let environment = |command| in_environment(command, repository, &tools, extent);
    stages.run("plugin tests", || {
        let mut command = environment(runner.command(repository));
        command.current_dir(repository.root.join("plugins"));
        command.arg("--target-dir").arg(repository.target().join("guests"));
        process::run(&mut command)
    })?;
    stages.run("documentation tests", || {
        let mut command = environment(cargo(repository));
        process::run(command.args(["test", "--quiet", "--workspace", "--doc"]))
    })?;
    eprintln!("== {}", stages.summary());
    let status = process::status(&mut environment(runner.command(repository)))?;
    // Nothing is printed after the runner's summary: who reads this output looks for it at the end.
    std::process::exit(i32::from(!status.success()));
}

/// Compiles the binary and all tests together, so that nothing is compiled twice with different features.
pub(crate) fn build_command(repository: &Repository) -> Command {
    let mut command = cargo(repository);
    command.args(["build", "--workspace", "--all-targets"]).env(BUNDLE_VARIABLE, repository.components());
    command
}

fn build(repository: &Repository) -> anyhow::Result<()> {
    process::run(&mut build_command(repository))?;
    let binary = repository.binary("debug");
    if !binary.exists() {
        bail!("find `{}` after the build", binary.display());
    }
    Ok(())
}

fn in_environment(mut command: Command, repository: &Repository, tools: &Tools, extent: Extent) -> Command {
    command.env("MUSTER_BIN", repository.binary("debug")).env(BUNDLE_VARIABLE, repository.components());
    if let Some(s3_server) = &tools.s3_server {
        command.env("MUSTER_TEST_S3", s3_server);
    }
    if let Some(schemathesis) = &tools.schemathesis {
        command.env("MUSTER_TEST_SCHEMATHESIS", schemathesis);
    }
    if let Some(collector) = &tools.collector {
        command.env("MUSTER_TEST_COLLECTOR", collector);
    }
    if let Some(projects) = &tools.projects {
        command.env("MUSTER_TEST_PROJECTS", projects);
    }
    match extent {
        Extent::Once => command.env_remove("MUSTER_TEST_FULL"),
        Extent::Full => command.env("MUSTER_TEST_FULL", "1"),
    };
    command
}

/// What runs the tests.
#[derive(Clone, Copy)]
enum Runner {
    /// A process for each test, all test binaries in one summary.
    Nextest,
    /// What every machine has.
    CargoTest,
}

impl Runner {
    fn find() -> Self {
        if process::succeeds("cargo-nextest", &["nextest", "--version"]) { Self::Nextest } else { Self::CargoTest }
    }

    /// Runs all tests of the workspace in the current folder, whatever fails.
    fn command(self, repository: &Repository) -> Command {
        let mut command = cargo(repository);
        match self {
            Self::Nextest => command.args(["nextest", "run", "--workspace", "--no-fail-fast"]),
            Self::CargoTest => command.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]),
        };
        command
    }
}
