//! `cargo xtask build`: the binary, with its plugins bundled.

use std::path::PathBuf;

use crate::chores::plugins;
use crate::process::{self, cargo};
use crate::repository::Repository;
use crate::stages::Stages;

/// The variable that tells the binary's build which components to bundle.
pub(crate) const BUNDLE_VARIABLE: &str = "MUSTER_BUNDLE_DIR";

/// Leaves `target/release/muster`.
pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let mut stages = Stages::default();
    stages.run("plugins", || plugins::run(repository))?;
    let binary = stages.run("release build", || release(repository))?;
    eprintln!("{}", stages.summary());
    eprintln!("{}", binary.display());
    Ok(())
}

/// Compiles the release binary around the plugins that are there.
pub(crate) fn release(repository: &Repository) -> anyhow::Result<PathBuf> {
    let mut command = cargo(repository);
    command.args(["build", "--release", "--package", "cli"]).env(BUNDLE_VARIABLE, repository.components());
    process::run(&mut command)?;
    Ok(repository.binary("release"))
}

/// Compiles the debug binary around the plugins that are there: a third of the time, with optimised dependencies.
pub(crate) fn debug(repository: &Repository) -> anyhow::Result<PathBuf> {
    let mut command = cargo(repository);
    command.args(["build", "--package", "cli"]).env(BUNDLE_VARIABLE, repository.components());
    process::run(&mut command)?;
    Ok(repository.binary("debug"))
}
