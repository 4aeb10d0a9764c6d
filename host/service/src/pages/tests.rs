//! The tests of a build as a table: what needs a look first, filtered as a form asks.

use engine::{BuildFacts, TestIndex, VerdictKind};
use serde::Deserialize;

use crate::view::{TestView, VerdictWord, test, tries};

/// Rows of the table.
const ROWS: usize = 200;

/// What the form asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Part of a name.
    pub(super) q: String,
    /// A verdict's word; empty for all.
    pub(super) verdict: String,
}

/// The table.
pub(super) struct Tests {
    /// What was asked for.
    pub(super) asked: Asked,
    /// The verdicts there are, and which is chosen.
    pub(super) verdicts: Vec<(&'static str, bool)>,
    /// The rows.
    pub(super) rows: Vec<TestView>,
    /// How many fit what was asked.
    pub(super) fits: u64,
    /// How many there are.
    pub(super) total: u64,
}

impl Tests {
    /// The table of a build: failures first, then what is not known yet, then what passed; in listed order each.
    pub(super) fn of(facts: &BuildFacts, asked: Asked) -> Tests {
        let word = |index: TestIndex| facts.test(index).verdict.as_ref().map(|verdict| VerdictWord::from(verdict.kind));
        let fits = |index: &TestIndex| {
            let named = asked.q.is_empty() || facts.test(*index).test.name.contains(&asked.q);
            named && (asked.verdict.is_empty() || word(*index).is_some_and(|word| word.word() == asked.verdict))
        };
        let mut indices: Vec<TestIndex> = facts.indices().filter(fits).collect();
        let count = indices.len();
        indices.sort_by_key(|index| rank(facts, *index));
        indices.truncate(ROWS);
        let tries = tries(facts);
        let row = |index: &TestIndex| test(facts, *index, tries.get(index).map(Vec::as_slice).unwrap_or_default());
        Tests {
            rows: indices.iter().map(row).collect(),
            verdicts: VerdictWord::ALL.map(|word| (word.word(), word.word() == asked.verdict)).to_vec(),
            fits: count as u64,
            total: facts.tests.len() as u64,
            asked,
        }
    }
}

impl Tests {
    /// How many rows there are.
    pub(super) fn shown(&self) -> u64 {
        self.rows.len() as u64
    }
}

fn rank(facts: &BuildFacts, index: TestIndex) -> u8 {
    match facts.test(index).verdict.as_ref().map(|verdict| verdict.kind) {
        Some(VerdictKind::Failed | VerdictKind::Lost) => 0,
        Some(VerdictKind::Flaky) => 1,
        Some(VerdictKind::NotRun) => 2,
        None => 3,
        Some(VerdictKind::Skipped | VerdictKind::Passed) => 4,
    }
}
