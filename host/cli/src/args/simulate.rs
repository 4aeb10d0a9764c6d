//! `muster simulate`.

use std::path::PathBuf;

use clap::Args;

/// `muster simulate`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  muster simulate late-helper.toml    play a scenario and print what happened (docs/scenarios.md)
  muster simulate --seed 42           replay one seed, with its log
  muster simulate --seeds 2000        many seeds; the first that breaks an invariant is printed

Exits with 1 if something held that must not, and with 2 if the scenario cannot be read.")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["scenario", "seed", "seeds"]))]
pub struct SimulateArgs {
    /// Play this scenario: a fleet, builds and faults at set times
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<PathBuf>,
    /// Replay this seed
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Run this many seeds
    #[arg(long, value_name = "N")]
    pub seeds: Option<u64>,
    /// Begin with this seed
    #[arg(long, value_name = "N", default_value_t = 0, requires = "seeds")]
    pub first: u64,
}
