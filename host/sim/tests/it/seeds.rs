//! Many seeds, and those that once found a defect.
#![expect(clippy::print_stdout, reason = "a test says what it ran, or why it skips")]
#![expect(clippy::disallowed_methods, reason = "how many seeds are run is a setting of the test run")]

use std::thread::available_parallelism;

/// How many seeds `cargo test` runs, and how many with `MUSTER_TEST_FULL=1`.
const SEEDS: u64 = 2_000;
const SEEDS_FULL: u64 = 20_000;

#[test]
fn every_seed_holds() {
    let seeds = if std::env::var_os("MUSTER_TEST_FULL").is_some() { SEEDS_FULL } else { SEEDS };
    let threads = available_parallelism().map_or(1, usize::from);
    let summary = sim::run_seeds(0..seeds, threads).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{summary}");
    assert_eq!(summary.seeds, seeds);
}

#[test]
fn a_seed_is_one_run() {
    assert_eq!(sim::replay_seed(11).1, sim::replay_seed(11).1);
}
