//! Runs drawn from seeds.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::draw::draw;
use crate::rng::Rng;
use crate::run::play;
use crate::summary::Summary;
use crate::trace::Trace;

/// The end of a trace that a failure shows, in lines.
const TAIL: usize = 120;

/// A run in which something held that must not.
#[derive(Clone, Debug, thiserror::Error)]
#[error("seed {seed}, step {step}: {text}\n{trace}\nrun it again with: muster simulate --seed {seed}")]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// The step of the engine in which it was seen.
    pub step: u64,
    /// What was seen.
    pub text: String,
    /// What happened just before.
    pub trace: String,
}

/// Runs one seed.
pub fn run_seed(seed: u64) -> Result<Summary, Failure> {
    match run(seed, Trace::off()) {
        (Ok(summary), _) => Ok(summary),
        // The same run once more, and this time somebody takes notes.
        (Err(_), _) => match run(seed, Trace::detailed()) {
            (Ok(summary), _) => Ok(summary),
            (Err((step, text)), trace) => {
                let lines: Vec<&str> = trace.lines().collect();
                let trace = lines[lines.len().saturating_sub(TAIL)..].join("\n");
                Err(Failure { seed, step, text, trace })
            }
        },
    }
}

/// Runs one seed and tells everything that happened.
pub fn replay_seed(seed: u64) -> (Result<Summary, Failure>, String) {
    let (result, trace) = run(seed, Trace::detailed());
    (result.map_err(|(step, text)| Failure { seed, step, text, trace: String::new() }), trace)
}

fn run(seed: u64, trace: Trace) -> (Result<Summary, (u64, String)>, String) {
    let mut rng = Rng::new(seed);
    let plan = draw(&mut rng);
    play(plan, rng, trace)
}

/// Runs many seeds on this many threads; the failure of the lowest seed found, if any.
pub fn run_seeds(seeds: Range<u64>, threads: usize) -> Result<Summary, Box<Failure>> {
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    let total = Mutex::new((Summary::default(), None::<Box<Failure>>));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let result = run_seed(seed);
                    let mut total = total.lock().expect("no thread panics while it holds it");
                    match result {
                        Ok(summary) => total.0.add(&summary),
                        Err(failure) => {
                            stop.store(true, Ordering::Relaxed);
                            if total.1.as_ref().is_none_or(|other| failure.seed < other.seed) {
                                total.1 = Some(Box::new(failure));
                            }
                        }
                    }
                }
            });
        }
    });
    let (summary, failure) = total.into_inner().expect("all threads ended");
    failure.map_or(Ok(summary), Err)
}
