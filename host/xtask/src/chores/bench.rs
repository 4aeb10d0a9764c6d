//! `cargo xtask bench`: everything that has a bar, on release builds.
//!
//! What is measured, and its bar, belongs to the crate whose speed it is: its `benches/`. Each bench prints its
//! ratios and fails when a bar is missed; this runs them one after another, since two at once would measure each
//! other.

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::args::Extent;
use crate::chores::build::{BUNDLE_VARIABLE, release};
use crate::chores::plugins;
use crate::chores::tools;
use crate::process::{self, cargo};
use crate::projects;
use crate::repository::Repository;

/// The package whose bench is held against Buildbot.
const BESIDE_BUILDBOT: &str = "service";

/// Runs all benches, or those of one package; the bars that were missed are in what they print.
pub(crate) fn run(repository: &Repository, only: Option<&str>) -> anyhow::Result<()> {
    plugins::run(repository)?;
    let binary = release(repository)?;
    let benches = benches(repository)?;
    let chosen: Vec<&Bench> = benches.iter().filter(|bench| only.is_none_or(|only| only == bench.package)).collect();
    if chosen.is_empty() {
        bail!("find a bench{}", only.map_or_else(String::new, |only| format!(" in a package `{only}`")));
    }
    let projects = projects::ensure(Extent::Full)?;
    let needs_buildbot = chosen.iter().any(|bench| bench.package == BESIDE_BUILDBOT);
    let mut command = cargo(repository);
    command.args(["bench", "--no-fail-fast"]);
    // Every package of the benches, whichever run: what is selected decides the features of what all depend on, and other
    // features would be another compilation.
    for bench in &benches {
        command.args(["--package", &bench.package]);
    }
    for bench in chosen {
        command.args(["--bench", &bench.name]);
    }
    command.env("MUSTER_BIN", &binary).env("MUSTER_TEST_PROJECTS", &projects);
    command.env(BUNDLE_VARIABLE, repository.components());
    if needs_buildbot {
        command.env("MUSTER_TEST_BUILDBOT", tools::buildbot(repository)?);
    }
    if !process::status(&mut command)?.success() {
        bail!("reach every bar: see what was missed above");
    }
    Ok(())
}

/// A program that measures, and whose speed that is.
struct Bench {
    package: String,
    name: String,
}

/// All of the workspace.
fn benches(repository: &Repository) -> anyhow::Result<Vec<Bench>> {
    let mut command = cargo(repository);
    let output =
        command.args(["metadata", "--format-version=1", "--no-deps"]).output().context("run cargo metadata")?;
    if !output.status.success() {
        bail!("read the workspace: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo's metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages.flat_map(of_package).collect())
}

fn of_package(package: &Value) -> Vec<Bench> {
    let targets = package["targets"].as_array().into_iter().flatten();
    let is_bench = |target: &&Value| target["kind"].as_array().into_iter().flatten().any(|kind| kind == "bench");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bench = |target: &Value| Bench { package: text(&package["name"]), name: text(&target["name"]) };
    targets.filter(is_bench).map(bench).collect()
}
