//! Verdicts, counted: of a build, and of each of its attempts.

use std::collections::BTreeMap;

use engine::{AttemptId, BuildFacts, TestIndex, Verdict, VerdictKind};

use super::{Attributes, Value};

/// Each kind of verdict, and the attribute that has its number.
const KINDS: [(VerdictKind, &str); 6] = [
    (VerdictKind::Passed, "muster.tests.passed"),
    (VerdictKind::Failed, "muster.tests.failed"),
    (VerdictKind::Flaky, "muster.tests.flaky"),
    (VerdictKind::Skipped, "muster.tests.skipped"),
    (VerdictKind::Lost, "muster.tests.lost"),
    (VerdictKind::NotRun, "muster.tests.not_run"),
];

/// Verdicts of some tests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<VerdictKind, usize>,
    /// Those that people look for: failed, flaky or lost.
    pub(super) bad: Vec<TestIndex>,
}

impl Tally {
    fn add(&mut self, index: TestIndex, kind: VerdictKind) {
        *self.counts.entry(kind).or_default() += 1;
        if matches!(kind, VerdictKind::Failed | VerdictKind::Flaky | VerdictKind::Lost) {
            self.bad.push(index);
        }
    }

    pub(super) fn count(&self, kind: VerdictKind) -> usize {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// Adds the number of each kind there is.
    pub(super) fn tell(&self, attributes: &mut Attributes) {
        let told = KINDS.into_iter().map(|(kind, name)| (name, self.count(kind))).filter(|(_, count)| *count > 0);
        attributes.extend(told.map(|(name, count)| (name, Value::count(count))));
    }
}

/// All tests of a build.
pub(super) fn of_build(facts: &BuildFacts) -> Tally {
    let mut tally = Tally::default();
    for (index, verdict) in judged(facts) {
        tally.add(index, verdict.kind);
    }
    tally
}

/// Those of each attempt that gave a verdict.
pub(super) fn by_attempt(facts: &BuildFacts) -> BTreeMap<AttemptId, Tally> {
    let mut tallies: BTreeMap<AttemptId, Tally> = BTreeMap::new();
    for (index, verdict) in judged(facts) {
        if let Some(attempt) = verdict.attempt {
            tallies.entry(attempt).or_default().add(index, verdict.kind);
        }
    }
    tallies
}

fn judged(facts: &BuildFacts) -> impl Iterator<Item = (TestIndex, &Verdict)> {
    facts.indices().zip(&facts.tests).filter_map(|(index, test)| Some((index, test.verdict.as_ref()?)))
}
