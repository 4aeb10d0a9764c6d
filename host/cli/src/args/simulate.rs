//! `muster simulate`.

use clap::Args;

/// `muster simulate`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  muster simulate --seed 42       replay one seed, with its log
  muster simulate --seeds 2000    many seeds; the first that breaks an invariant is printed")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["seed", "seeds"]))]
pub struct SimulateArgs {
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
