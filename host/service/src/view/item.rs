//! A build in a list.

use engine::{BuildFacts, Certificate, Outcome, Phase, VerdictKind};
use serde::{Deserialize, Serialize};
use store::BuildRow;
use utoipa::ToSchema;

use super::{OutcomeWord, PhaseWord, seconds, unix_ms};
use crate::Submission;

/// How many tests there are, and what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestCounts {
    /// Listed and added.
    pub total: u64,
    /// With a verdict.
    pub done: u64,
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Flaky.
    pub flaky: u64,
    /// Skipped.
    pub skipped: u64,
    /// Lost.
    pub lost: u64,
    /// Not run.
    pub not_run: u64,
}

/// Counts the tests of a build.
pub fn counts(facts: &BuildFacts) -> TestCounts {
    let mut counts = TestCounts { total: facts.tests.len() as u64, ..TestCounts::default() };
    for verdict in facts.tests.iter().filter_map(|test| test.verdict.as_ref()) {
        counts.done += 1;
        match verdict.kind {
            VerdictKind::Passed => counts.passed += 1,
            VerdictKind::Failed => counts.failed += 1,
            VerdictKind::Flaky => counts.flaky += 1,
            VerdictKind::Skipped => counts.skipped += 1,
            VerdictKind::Lost => counts.lost += 1,
            VerdictKind::NotRun => counts.not_run += 1,
        }
    }
    counts
}

/// A build in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuildItem {
    /// Its number.
    pub id: u64,
    /// What is built.
    pub project: String,
    /// How.
    pub builder: String,
    /// Of what.
    pub rev: String,
    /// Who asked.
    pub by: String,
    /// Its result; null while it runs.
    pub outcome: Option<OutcomeWord>,
    /// Why, where it did not pass.
    pub cause: Option<String>,
    /// Where it is.
    pub phase: PhaseWord,
    /// Its place in the queue, from 1; null when it left it.
    pub position: Option<u64>,
    /// When it was submitted, in milliseconds since 1970.
    pub submitted_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: Option<u64>,
    /// Its tests, while it runs; null in lists of what has ended.
    pub tests: Option<TestCounts>,
    /// Machines that serve it now.
    #[serde(default)]
    pub buildlets: u64,
    /// What it waits for, if it does, in words.
    #[serde(default)]
    pub waits: Option<String>,
    /// What its tests are still expected to take on the machines it has, in seconds; null if nothing is known of that.
    #[serde(default)]
    pub eta_s: Option<f64>,
    /// What running its tests side by side saved, in seconds; null until it has ended.
    #[serde(default)]
    pub saved_s: Option<f64>,
}

/// A page of builds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuildsPage {
    /// Newest first.
    pub builds: Vec<BuildItem>,
    /// Give this as `before` for the next page; null if this is the last.
    pub next: Option<u64>,
}

impl BuildItem {
    /// Its outcome, or that it runs, in a word.
    pub fn state(&self) -> &'static str {
        self.outcome.map_or("running", OutcomeWord::word)
    }

    /// Tests that failed or were lost, as far as that is known.
    pub fn failed(&self) -> u64 {
        self.tests.map_or(0, |tests| tests.failed + tests.lost)
    }
}

impl TestCounts {
    /// The verdicts there are, by their names.
    pub fn told(&self) -> Vec<(&'static str, u64)> {
        let all = [
            ("passed", self.passed),
            ("failed", self.failed),
            ("flaky", self.flaky),
            ("lost", self.lost),
            ("skipped", self.skipped),
            ("not run", self.not_run),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// A build that runs.
pub fn live_item(facts: &BuildFacts, submission: &Submission, position: Option<u64>) -> BuildItem {
    let ended = facts.ended.as_ref();
    BuildItem {
        id: facts.spec.build.0,
        project: facts.spec.project.clone(),
        builder: facts.spec.builder.clone(),
        rev: facts.spec.rev.clone(),
        by: submission.by.clone(),
        outcome: ended.map(|(_, outcome, _)| outcome.into()),
        cause: ended.and_then(|(_, outcome, _)| cause(outcome)),
        phase: facts.phase().into(),
        position,
        submitted_ms: unix_ms(facts.submitted),
        ended_ms: ended.map(|(at, ..)| unix_ms(*at)),
        tests: Some(counts(facts)),
        buildlets: facts.leases.values().filter(|lease| lease.ended.is_none()).count() as u64,
        waits: waits(facts, position),
        eta_s: eta(facts),
        saved_s: ended.map(|(.., certificate)| seconds(certificate.saved())),
    }
}

/// A build as the store's row tells it, without its records.
pub fn ended_item(row: &BuildRow, submission: &Submission) -> BuildItem {
    let ended = row.ended.as_ref();
    // What an older version wrote may lack something: the list does without.
    let summary = ended.and_then(|ended| serde_json::from_str::<(Outcome, Certificate)>(&ended.summary_json).ok());
    BuildItem {
        id: row.header.build.0,
        project: row.header.project.clone(),
        builder: row.header.builder.clone(),
        rev: row.header.rev.clone(),
        by: submission.by.clone(),
        outcome: ended.and_then(|ended| OutcomeWord::from_word(&ended.outcome)),
        cause: summary.as_ref().and_then(|(outcome, _)| cause(outcome)),
        phase: if ended.is_some() { PhaseWord::Done } else { PhaseWord::Queue },
        position: None,
        submitted_ms: unix_ms(row.header.started),
        ended_ms: ended.map(|ended| unix_ms(ended.ended)),
        tests: None,
        buildlets: 0,
        waits: None,
        eta_s: None,
        saved_s: summary.map(|(_, certificate)| seconds(certificate.saved())),
    }
}

/// What a build waits for.
fn waits(facts: &BuildFacts, position: Option<u64>) -> Option<String> {
    match (facts.phase(), position) {
        (Phase::Queue, Some(2)) => Some("1 build goes before it".to_owned()),
        (Phase::Queue, Some(position)) if position > 2 => Some(format!("{} builds go before it", position - 1)),
        (Phase::Queue, Some(_)) => Some("it is next: as many builds run as may".to_owned()),
        (Phase::Queue, None) => Some("waits for its turn".to_owned()),
        (Phase::Acquire, _) => Some(format!("waits for a machine of type {}", facts.spec.make_host_type)),
        _ => None,
    }
}

/// What is left of a test phase: what its open tests are expected to take, spread over the machines that can run them.
fn eta(facts: &BuildFacts) -> Option<f64> {
    if facts.phase() != Phase::Test {
        return None;
    }
    let ready = facts.leases.values().filter(|lease| lease.ready.is_some() && lease.ended.is_none()).count();
    let open = facts.tests.iter().filter(|test| test.verdict.is_none());
    let expected: Option<Vec<f64>> =
        open.map(|test| test.estimate.as_ref().map(|estimate| seconds(estimate.expected))).collect();
    let expected = expected.filter(|open| !open.is_empty() && ready > 0)?;
    Some(expected.iter().sum::<f64>() / ready as f64)
}

/// Why, in words; none for a pass.
pub(super) fn cause(outcome: &Outcome) -> Option<String> {
    Some(outcome.cause().to_owned()).filter(|cause| !cause.is_empty())
}

/// Seconds from the first to the second, if both are known.
pub(super) fn took(facts: &BuildFacts) -> Option<f64> {
    facts.ended.as_ref().map(|(at, ..)| seconds(at.since(facts.submitted)))
}
