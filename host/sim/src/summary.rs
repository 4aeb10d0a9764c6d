//! What runs did, in numbers.

use std::fmt;

use engine::{Outcome, VerdictKind};

use crate::world::World;

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
    pub(crate) fn add(&mut self, other: &Summary) {
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

    pub(crate) fn of(world: &World) -> Summary {
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
