//! The project's own chores: `cargo xtask COMMAND`.
//!
//! A fresh clone compiles this first, so it has few dependencies and reads its few arguments by hand.

mod apt;
mod args;
mod chores;
mod demo;
mod dogfood;
mod process;
mod projects;
mod repository;
mod stages;

use std::process::ExitCode;

use args::{Chore, Extent};
use repository::Repository;

fn main() -> ExitCode {
    let chore = match args::parse(std::env::args().skip(1)) {
        Ok(chore) => chore,
        Err(message) => {
            eprintln!("error: {message}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    let repository = Repository::here();
    let result = match chore {
        Chore::Help => {
            eprintln!("{}", args::USAGE);
            Ok(())
        }
        Chore::Plugins => chores::plugins::run(&repository),
        Chore::Projects => {
            projects::ensure(Extent::Full).map(|folder| eprintln!("MUSTER_TEST_PROJECTS={}", folder.display()))
        }
        Chore::Build => chores::build::run(&repository),
        Chore::Test(extent) => chores::test::run(&repository, extent),
        Chore::Dogfood { args } => dogfood::run(&repository, &args),
        Chore::Demo(show) => demo::run(&repository, show),
        Chore::Bench { only } => chores::bench::run(&repository, only.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: failed to {error:#}");
            ExitCode::FAILURE
        }
    }
}
