//! Runs drawn from seeds.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::{Outcome, VerdictKind};

use crate::draw::draw;
use crate::rng::Rng;
use crate::trace::Trace;
use crate::world::World;

/// The end of a trace that a failure shows, in lines.
const TAIL: usize = 120;

/// What runs did, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Runs.
    pub seeds: u64,
    /// Steps of the engine.
    pub steps: u64,
    /// Builds, by outcome.
    pub passed: u64,
    /// See `passed`.
    pub failed: u64,
    /// See `passed`.
    pub errored: u64,
    /// See `passed`.
    pub canceled: u64,
    /// Verdicts.
    pub tests: u64,
    /// Verdicts that are `lost`.
    pub lost: u64,
    /// Attempts that were started.
    pub attempts: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { seeds, steps, passed, failed, errored, canceled, tests, lost, attempts } = self;
        let builds = passed + failed + errored + canceled;
        write!(
            f,
            "{seeds} seeds, {builds} builds ({passed} passed, {failed} failed, {errored} errored, {canceled} canceled), \
             {tests} tests ({lost} lost), {attempts} attempts, {steps} steps"
        )
    }
}

impl Summary {
    fn add(&mut self, other: &Summary) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.passed += other.passed;
        self.failed += other.failed;
        self.errored += other.errored;
        self.canceled += other.canceled;
        self.tests += other.tests;
        self.lost += other.lost;
        self.attempts += other.attempts;
    }

    fn of(world: &World) -> Summary {
        let mut summary = Summary { seeds: 1, steps: world.steps, ..Summary::default() };
        for facts in world.checker.builds() {
            match &facts.ended {
                Some((_, Outcome::Passed, _)) => summary.passed += 1,
                Some((_, Outcome::Failed { .. }, _)) => summary.failed += 1,
                Some((_, Outcome::Errored { .. }, _)) => summary.errored += 1,
                Some((_, Outcome::Canceled { .. }, _)) => summary.canceled += 1,
                None => {}
            }
            let lost = |test: &&engine::TestFacts| test.verdict.as_ref().is_some_and(|v| v.kind == VerdictKind::Lost);
            summary.tests += facts.tests.len() as u64;
            summary.lost += facts.tests.iter().filter(lost).count() as u64;
            summary.attempts += facts.attempts.len() as u64;
        }
        summary
    }
}

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
    let mut world = World::new(plan, rng, trace);
    // The engine asserts its own invariants; a failed one is a result of the run.
    let result = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(text.unwrap_or_else(|| "a panic without words".into()))
    });
    let result = result.map(|()| Summary::of(&world)).map_err(|text| (world.steps, text));
    (result, world.trace.into_text())
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
