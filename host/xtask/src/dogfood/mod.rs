//! `cargo xtask dogfood`: this repository's own suite, by `muster build` over three local buildlets.
//!
//! What is built is a copy of the working tree as git knows it, with what a clone has not: the plugins as components,
//! and what this machine has compiled of other people's crates, which would be compiled for ten minutes again. Tests
//! of published projects say that they are skipped, unless `MUSTER_TEST_PROJECTS` is set to where `cargo xtask projects`
//! puts these.

mod compiled;
mod tree;

use crate::chores::plugins;
use crate::process;
use crate::repository::Repository;
use crate::stages::Stages;

use compiled::Compiled;

/// Machines beside the main one.
const HELPERS: &str = "2";

/// Gets everything ready and builds; ends with what `muster build` says last, and its exit code. These arguments are
/// for it.
pub(crate) fn run(repository: &Repository, args: &[String]) -> anyhow::Result<()> {
    let mut stages = Stages::default();
    stages.run("plugins", || plugins::run(repository))?;
    let compiled = stages.run("build", || Compiled::build(repository))?;
    let folder = repository.target().join("dogfood");
    let tree = folder.join("tree");
    stages.run("tree", || tree::lay_out(repository, &compiled, &tree))?;
    eprintln!("== {}", stages.summary());
    let mut command = process::program(repository.binary("debug"));
    command.arg("build").arg(&tree).args(["--helpers", HELPERS]).arg("--state").arg(folder.join("state"));
    command.arg("--report").arg(folder.join("report.html")).args(args);
    eprintln!("$ {}", process::display(&command));
    let status = process::status(&mut command)?;
    // Nothing is printed after the summary: who reads this output looks for it at the end.
    std::process::exit(status.code().unwrap_or(1));
}
