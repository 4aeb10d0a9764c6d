//! `cargo xtask bench`: everything that has a bar, on release builds.
//!
//! What is measured, and its bar, belongs to the crate whose speed it is: its `benches/`. Each bench prints its
//! ratios and fails when a bar is missed; this runs them one after another, since two at once would measure each
//! other.

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::chores::build::{BUNDLE_VARIABLE, release};
use crate::chores::plugins;
use crate::process::{self, cargo};
use crate::repository::Repository;

/// Runs all benches, or those of one package; the error names the packages whose bar was missed.
pub(crate) fn run(repository: &Repository, only: Option<&str>) -> anyhow::Result<()> {
    plugins::run(repository)?;
    let binary = release(repository)?;
    let packages: Vec<String> =
        benched(repository)?.into_iter().filter(|name| only.is_none_or(|only| only == name)).collect();
    if packages.is_empty() {
        bail!("find a bench{}", only.map_or_else(String::new, |only| format!(" in a package `{only}`")));
    }
    let mut missed = Vec::new();
    for package in packages {
        eprintln!("== {package}");
        let mut command = cargo(repository);
        command.args(["bench", "--quiet", "--package", &package, "--bench", "*"]);
        command.env("MUSTER_BIN", &binary).env(BUNDLE_VARIABLE, repository.components());
        if !process::status(&mut command)?.success() {
            missed.push(package);
        }
    }
    if !missed.is_empty() {
        bail!("reach every bar: see {}", missed.join(", "));
    }
    Ok(())
}

/// The packages that have a bench of their own.
fn benched(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut command = cargo(repository);
    let output =
        command.args(["metadata", "--format-version=1", "--no-deps"]).output().context("run cargo metadata")?;
    if !output.status.success() {
        bail!("read the workspace: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo's metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages
        .filter(|package| has_bench(package))
        .filter_map(|package| Some(package["name"].as_str()?.to_owned()))
        .collect())
}

fn has_bench(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    let mut kinds = targets.flat_map(|target| target["kind"].as_array().into_iter().flatten());
    kinds.any(|kind| kind == "bench")
}
