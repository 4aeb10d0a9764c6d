//! `muster simulate`.

use super::output::print;
use crate::args::SimulateArgs;
use crate::exit::Exit;

/// Replays one seed, or runs many. What broke an invariant is a failure like that of a test.
pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    if let Some(seed) = args.seed {
        let (result, trace) = sim::replay_seed(seed);
        print(&trace)?;
        return conclude(result.map(|summary| summary.to_string()).map_err(|failure| failure.to_string()));
    }
    let end = args.first.saturating_add(args.seeds.unwrap_or(1));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let result = sim::run_seeds(args.first..end, threads);
    conclude(result.map(|summary| summary.to_string()).map_err(|failure| failure.to_string()))
}

fn conclude(result: Result<String, String>) -> anyhow::Result<Exit> {
    match result {
        Ok(summary) => {
            print(&summary)?;
            Ok(Exit::Passed)
        }
        Err(failure) => {
            print(&failure)?;
            Ok(Exit::Failed)
        }
    }
}
