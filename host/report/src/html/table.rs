//! The rows of the tests table and the failures, bounded.

use std::time::Duration;

use coordinator::view::{BuildReport, TestResult};
use engine::VerdictKind;

use crate::ansi;
use crate::text;

/// Rows in the page: a browser shows ten thousand at once, not a hundred thousand.
const MAX_ROWS: usize = 5_000;
/// Failures shown with their output.
const MAX_FAILURES: usize = 200;
/// Bytes of one failure's output in the page: its end.
const MAX_OUTPUT: usize = 64 << 10;
/// Bytes of all outputs in the page.
const MAX_ALL_OUTPUT: usize = 8 << 20;

/// One row.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) verdict: String,
    pub(super) took: String,
    /// For sorting, in microseconds.
    pub(super) took_us: u128,
    pub(super) buildlet: String,
    pub(super) tries: usize,
    pub(super) cause: String,
    pub(super) added: bool,
}

/// One failure, with markup for its output.
pub struct Failure {
    /// The test.
    pub name: String,
    /// What became of it, in a word.
    pub verdict: String,
    /// Where it ran, and for how long, in words; empty if it never did.
    pub place: String,
    /// Why, as markup.
    pub cause_html: String,
    /// The end of its output, as markup.
    pub output_html: String,
    /// Every try, in words.
    pub tries: Vec<String>,
}

/// What was kept and what was left out, in a sentence that is empty if nothing was.
pub struct Bounded<T> {
    /// What is shown.
    pub kept: Vec<T>,
    /// What is not, in a sentence.
    pub cut: String,
}

/// The rows: everything that did not plainly pass first, then the slowest, in listed order among themselves.
pub(super) fn rows(report: &BuildReport) -> Bounded<Row> {
    let mut indices: Vec<usize> = (0..report.tests.len()).collect();
    if indices.len() > MAX_ROWS {
        indices.sort_by_key(|&index| {
            let verdict = &report.tests[index].verdict;
            (rank(verdict.kind), std::cmp::Reverse(verdict.duration.unwrap_or_default()), index)
        });
        indices.truncate(MAX_ROWS);
        indices.sort_unstable();
    }
    let cut = if report.tests.len() > MAX_ROWS {
        format!(
            "{} of {} are in this table: those that did not pass, then the slowest. JUnit XML has them all.",
            text::number(MAX_ROWS as u64),
            text::plural(report.tests.len() as u64, "test")
        )
    } else {
        String::new()
    };
    Bounded { kept: indices.into_iter().map(|index| row(&report.tests[index])).collect(), cut }
}

fn rank(kind: VerdictKind) -> u8 {
    match kind {
        VerdictKind::Failed | VerdictKind::Lost => 0,
        VerdictKind::Flaky => 1,
        VerdictKind::NotRun => 2,
        VerdictKind::Skipped | VerdictKind::Passed => 3,
    }
}

fn row(test: &TestResult) -> Row {
    Row {
        name: text::one_line(&test.name, 400),
        verdict: test.verdict.kind.to_string(),
        took: test.verdict.duration.map_or_else(String::new, text::duration),
        took_us: test.verdict.duration.unwrap_or(Duration::ZERO).as_micros(),
        buildlet: test.buildlet.clone(),
        tries: test.attempts.len(),
        cause: text::one_line(&test.verdict.cause, 160),
        added: test.added,
    }
}

/// The failures, in listed order.
pub fn failures(report: &BuildReport) -> Bounded<Failure> {
    let bad =
        |test: &&TestResult| matches!(test.verdict.kind, VerdictKind::Failed | VerdictKind::Lost | VerdictKind::Flaky);
    let all = report.tests.iter().filter(bad).count();
    let mut budget = MAX_ALL_OUTPUT;
    let kept = report.tests.iter().filter(bad).take(MAX_FAILURES).map(|test| failure(test, &mut budget)).collect();
    let cut = if all > MAX_FAILURES {
        format!("The first {MAX_FAILURES} of {all} are shown. JUnit XML has them all.")
    } else {
        String::new()
    };
    Bounded { kept, cut }
}

fn failure(test: &TestResult, budget: &mut usize) -> Failure {
    let limit = MAX_OUTPUT.min(*budget);
    let start = test.output.len().saturating_sub(limit);
    let shown = &test.output[start..];
    *budget -= shown.len();
    let mut output_html = String::new();
    if start > 0 {
        output_html = format!("<span class=\"cut\">{} cut here</span>\n", text::bytes(start as u64));
    }
    output_html += &ansi::html(shown);
    let took = test.verdict.duration.map_or_else(String::new, |took| format!(" after {}", text::duration(took)));
    let place = if test.buildlet.is_empty() { String::new() } else { format!("on {}{took}", test.buildlet) };
    let cause = test.verdict.cause.as_bytes();
    Failure {
        name: test.name.clone(),
        verdict: test.verdict.kind.to_string(),
        place,
        cause_html: ansi::html(&cause[..cause.len().min(MAX_OUTPUT)]),
        output_html,
        tries: test
            .attempts
            .iter()
            .map(|attempt| {
                format!("{} on {}: {}", attempt.attempt, attempt.buildlet, text::one_line(&attempt.end, 300))
            })
            .collect(),
    }
}
