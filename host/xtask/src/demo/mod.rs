//! `cargo xtask demo`: a published project, built once and tested over three local buildlets.

mod kill;
mod project;
mod undisturbed;
mod watch;

use crate::args::Show;
use crate::chores::{build, plugins};
use crate::repository::Repository;
use crate::stages::Stages;

use project::Project;

/// Machines beside the main one.
const HELPERS: &str = "2";

/// Gets everything ready and shows it.
pub(crate) fn run(repository: &Repository, show: Show) -> anyhow::Result<()> {
    let mut stages = Stages::default();
    stages.run("plugins", || plugins::run(repository))?;
    let binary = stages.run("debug build", || build::debug(repository))?;
    let project = stages.run("project", Project::fetch)?;
    eprintln!("== {}", stages.summary());
    match show {
        Show::Build => undisturbed::run(&binary, &project),
        Show::Kill => kill::run(&binary, &project),
    }
}
