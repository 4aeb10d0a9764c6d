//! The end of a build, for people.

use std::fmt::Write as _;
use std::time::Duration;

use coordinator::view::{BuildReport, TestResult};
use engine::{Outcome, VerdictKind};

use crate::text;

/// Tests that are listed as the slowest.
const SLOWEST: usize = 5;
/// Failures that are shown with their output; the reports have the others.
const FAILURES: usize = 50;
/// Lines of one failure's output: its end, where the reason mostly is.
const OUTPUT_LINES: usize = 60;
/// Retries and faults that are listed.
const LISTED: usize = 20;

/// Characters of a test's name; what is longer fits no line.
const NAME: usize = 400;

/// How to paint.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Terminal colors.
    pub color: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn green(self, text: &str) -> String {
        self.with("1;32", text)
    }

    fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }
}

/// The whole summary. `quiet` leaves failures and the last line.
pub fn summary(report: &BuildReport, paint: Paint, quiet: bool) -> String {
    let mut out = String::new();
    failures(report, paint, &mut out);
    if !quiet {
        slowest(report, paint, &mut out);
        retries(report, paint, &mut out);
    }
    losses(report, paint, &mut out);
    if !quiet {
        certificate(report, paint, &mut out);
        notes(report, &mut out);
    }
    last_lines(report, paint, quiet, &mut out);
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn failures(report: &BuildReport, paint: Paint, out: &mut String) {
    let bad = |test: &&TestResult| matches!(test.verdict.kind, VerdictKind::Failed | VerdictKind::Lost);
    let all = report.tests.iter().filter(bad).count();
    for test in report.tests.iter().filter(bad).take(FAILURES) {
        let took = test.verdict.duration.map_or_else(String::new, |took| format!(" after {}", text::duration(took)));
        let at = if test.buildlet.is_empty() { String::new() } else { format!(" on {}", test.buildlet) };
        line(
            out,
            &format!(
                "\n{} {}{at}{took}",
                paint.red(&test.verdict.kind.to_string()),
                paint.bold(&text::one_line(&test.name, NAME))
            ),
        );
        let cause = text::plain(test.verdict.cause.as_bytes());
        if !cause.trim().is_empty() {
            indent(out, cause.trim_end(), usize::MAX);
        }
        let output = text::plain(&test.output);
        // A parser often gives as the cause what the output says; once is enough.
        if !output.trim().is_empty() && !cause.contains(output.trim()) {
            indent(out, output.trim_end(), OUTPUT_LINES);
        }
    }
    if all > FAILURES {
        line(
            out,
            &format!(
                "\n... and {} more: --junit or --report has them all",
                text::plural((all - FAILURES) as u64, "failure")
            ),
        );
    }
}

fn indent(out: &mut String, text: &str, limit: usize) {
    let count = text.lines().count();
    if count > limit {
        line(out, &format!("    ... {} cut here", text::plural((count - limit) as u64, "line")));
    }
    for shown in text.lines().skip(count.saturating_sub(limit)) {
        line(out, format!("    {shown}").trim_end());
    }
}

fn slowest(report: &BuildReport, paint: Paint, out: &mut String) {
    let slowest = report.slowest(SLOWEST);
    if slowest.is_empty() {
        return;
    }
    line(out, &format!("\n{}", paint.bold("slowest tests")));
    for (test, took) in slowest {
        line(out, &format!("  {:>7}  {}", text::duration(took), text::one_line(&test.name, NAME)));
    }
}

fn retries(report: &BuildReport, paint: Paint, out: &mut String) {
    let tried: Vec<&TestResult> = report.tests.iter().filter(|test| test.attempts.len() > 1).collect();
    if tried.is_empty() {
        return;
    }
    line(out, &format!("\n{}", paint.bold("tests that were run more than once")));
    for test in tried.iter().take(LISTED) {
        let ends: Vec<String> = test
            .attempts
            .iter()
            .map(|attempt| format!("{} on {}", text::one_line(&attempt.end, 120), attempt.buildlet))
            .collect();
        line(out, &format!("  {} {}: {}", test.verdict.kind, text::one_line(&test.name, NAME), ends.join("; then ")));
    }
    if tried.len() > LISTED {
        line(out, &format!("  ... and {} more", text::number((tried.len() - LISTED) as u64)));
    }
}

fn losses(report: &BuildReport, paint: Paint, out: &mut String) {
    if report.lost_buildlets().next().is_some() {
        line(out, &format!("\n{}", paint.bold("lost machines")));
    }
    for (buildlet, cause) in report.lost_buildlets() {
        line(
            out,
            &format!("  {} after {}: {}", buildlet.name, text::duration(buildlet.left), text::one_line(cause, 300)),
        );
    }
    for fault in report.faults.iter().take(LISTED) {
        line(out, &format!("{} {} ({}): {}", paint.yellow("plugin fault"), fault.plugin, fault.digest, fault.text));
    }
    if report.faults.len() > LISTED {
        line(out, &format!("... and {} more plugin faults", report.faults.len() - LISTED));
    }
}

fn certificate(report: &BuildReport, paint: Paint, out: &mut String) {
    // A build that never came to its tests has nothing to account for.
    let Some(certificate) = report.certificate.as_ref().filter(|_| !report.tests.is_empty()) else { return };
    line(out, &format!("\n{}", paint.bold("certificate")));
    line(
        out,
        &format!(
            "  took {}, could not have taken less than {}",
            text::duration(certificate.took),
            text::duration(certificate.lower_bound)
        ),
    );
    for difference in &certificate.differences {
        line(out, &format!("  {:>7}  {}: {}", text::duration(difference.time), difference.label, difference.text));
    }
    line(out, &format!("  {}", certificate.statement));
}

fn notes(report: &BuildReport, out: &mut String) {
    if !report.notes.is_empty() {
        out.push('\n');
    }
    for note in &report.notes {
        line(out, &format!("note: {note}"));
    }
}

fn last_lines(report: &BuildReport, paint: Paint, quiet: bool, out: &mut String) {
    out.push('\n');
    if !quiet && report.aggregate > Duration::ZERO {
        line(
            out,
            &format!(
                "took {}, aggregate {}, saved {}",
                text::duration(report.took),
                text::duration(report.aggregate),
                text::duration(report.saved)
            ),
        );
    }
    line(out, &verdict_line(report, paint));
}

/// `passed: 2,000 tests in 12.3s (3 skipped)`.
fn verdict_line(report: &BuildReport, paint: Paint) -> String {
    let (word, cause) = match &report.outcome {
        Outcome::Passed => (paint.green("passed"), ""),
        Outcome::Failed { cause } => (paint.red("failed"), cause.as_str()),
        Outcome::Errored { cause } => (paint.red("could not finish"), cause.as_str()),
        Outcome::Canceled { cause } => (paint.yellow("canceled"), cause.as_str()),
    };
    let mut counts = Vec::new();
    for kind in VerdictKind::ALL {
        let count = report.count(kind);
        if count > 0 {
            counts.push(format!("{} {kind}", text::number(count as u64)));
        }
    }
    let mut line =
        format!("{word}: {} in {}", text::plural(report.tests.len() as u64, "test"), text::duration(report.took));
    if !counts.is_empty() {
        let _infallible = write!(line, " ({})", counts.join(", "));
    }
    if !cause.is_empty() {
        let _infallible = write!(line, ": {}", text::one_line(cause, 500));
    }
    line
}
