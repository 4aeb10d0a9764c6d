//! The tests of a build.

use std::collections::BTreeMap;

use engine::{AttemptId, BuildFacts, TestIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{VerdictWord, seconds};

/// A test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TestView {
    /// Its place in the listed order, from 0.
    pub index: u32,
    /// Unique in the build.
    pub name: String,
    /// JUnit's class name.
    pub suite: String,
    /// JUnit's test name.
    pub case: String,
    /// Its verdict; null until it has one.
    pub verdict: Option<VerdictWord>,
    /// Why; null for a plain pass.
    pub cause: Option<String>,
    /// How long it took, in seconds.
    pub took_s: Option<f64>,
    /// How long it was expected to take, in seconds.
    pub expected_s: Option<f64>,
    /// Where the verdict was earned.
    pub machine: Option<String>,
    /// It was reported without having been listed.
    pub added: bool,
    /// The groups it was in, in order.
    pub tries: Vec<TryView>,
}

impl TestView {
    /// Whether it did anything but pass or be skipped.
    pub fn needs_a_look(&self) -> bool {
        !matches!(self.verdict, None | Some(VerdictWord::Passed | VerdictWord::Skipped))
    }
}

/// A group that a test was in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TryView {
    /// The attempt: its output is the stream of this name.
    pub attempt: String,
    /// Where it ran.
    pub machine: String,
    /// How the group ended, in words; null while it runs.
    pub end: Option<String>,
}

/// A page of tests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TestsPage {
    /// In listed order.
    pub tests: Vec<TestView>,
    /// Give this as `after` for the next page; null if this is the last.
    pub next: Option<u32>,
}

/// The attempts that each test was in, in order.
pub(crate) fn tries(facts: &BuildFacts) -> BTreeMap<TestIndex, Vec<AttemptId>> {
    let mut tries: BTreeMap<TestIndex, Vec<AttemptId>> = BTreeMap::new();
    for (id, attempt) in &facts.attempts {
        for test in &attempt.tests {
            tries.entry(*test).or_default().push(*id);
        }
    }
    tries
}

/// One test, with the attempts it was in.
pub fn test(facts: &BuildFacts, index: TestIndex, tries: &[AttemptId]) -> TestView {
    let test = facts.test(index);
    let verdict = test.verdict.as_ref();
    TestView {
        index: index.0,
        name: test.test.name.clone(),
        suite: test.test.suite.clone(),
        case: test.test.case.clone(),
        verdict: verdict.map(|verdict| verdict.kind.into()),
        cause: verdict.map(|verdict| verdict.cause.clone()).filter(|cause| !cause.is_empty()),
        took_s: verdict.and_then(|verdict| verdict.duration).map(seconds),
        expected_s: test.estimate.as_ref().map(|estimate| seconds(estimate.expected)),
        machine: verdict.and_then(|verdict| verdict.attempt).and_then(|attempt| machine(facts, attempt)),
        added: test.added,
        tries: tries
            .iter()
            .map(|id| TryView {
                attempt: id.to_string(),
                machine: machine(facts, *id).unwrap_or_default(),
                end: facts.attempts.get(id).and_then(|attempt| attempt.ended.as_ref()).map(|ended| match &ended.end {
                    Ok(end) => end.to_string(),
                    Err(failure) => failure.to_string(),
                }),
            })
            .collect(),
    }
}

/// The machine of an attempt.
pub(super) fn machine(facts: &BuildFacts, attempt: AttemptId) -> Option<String> {
    let lease = facts.attempts.get(&attempt)?.lease;
    Some(facts.leases.get(&lease)?.machine.name.clone())
}
