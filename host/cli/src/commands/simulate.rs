//! `muster simulate`.

use std::path::Path;

use super::output::print_beside;
use crate::args::SimulateArgs;
use crate::exit::{Exit, UsageError};

/// Plays a scenario, replays one seed, or runs many. What broke an invariant is a failure like that of a test.
pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    if let Some(file) = &args.scenario {
        return scenario(file);
    }
    if let Some(seed) = args.seed {
        let (result, trace) = sim::replay_seed(seed);
        print_beside(&trace)?;
        return conclude(result.map(|summary| summary.to_string()).map_err(|failure| failure.to_string()));
    }
    let end = args.first.saturating_add(args.seeds.unwrap_or(1));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let result = sim::run_seeds(args.first..end, threads);
    conclude(result.map(|summary| summary.to_string()).map_err(|failure| failure.to_string()))
}

/// Prints exactly what a golden file beside the scenario holds.
fn scenario(file: &Path) -> anyhow::Result<Exit> {
    let hint = "docs/scenarios.md in the sources describes the file";
    let text = std::fs::read_to_string(file)
        .map_err(|error| UsageError::new(format!("read the scenario `{}`: {error}", file.display()), hint))?;
    let scenario = sim::Scenario::read(&file.display().to_string(), &text)
        .map_err(|error| UsageError::new(error.to_string(), hint))?;
    let (result, log) = scenario.play();
    print_beside(&log)?;
    Ok(if result.is_ok() { Exit::Passed } else { Exit::Failed })
}

fn conclude(result: Result<String, String>) -> anyhow::Result<Exit> {
    match result {
        Ok(summary) => {
            print_beside(&summary)?;
            Ok(Exit::Passed)
        }
        Err(failure) => {
            print_beside(&failure)?;
            Ok(Exit::Failed)
        }
    }
}
