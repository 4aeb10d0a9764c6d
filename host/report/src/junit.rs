//! JUnit XML: every listed test, with the names that the project's own runner uses, whatever the outcome.
//!
//! A test that never ran is *skipped* with the reason, one that was lost is an *error* with the causes, and a flaky one
//! passed, with a `flakyFailure` for each try that did not, as Maven's Surefire writes it.

use std::io::{self, Write};
use std::time::Duration;

use coordinator::view::{BuildReport, TestResult};
use engine::{Outcome, VerdictKind};

use crate::text;

/// Writes the whole file.
///
/// # Errors
/// The writer fails.
pub fn write(report: &BuildReport, out: &mut impl Write) -> io::Result<()> {
    let tests = report.tests.len() + usize::from(build_error(report).is_some());
    let failures = report.count(VerdictKind::Failed);
    let errors = report.count(VerdictKind::Lost) + usize::from(build_error(report).is_some());
    let skipped = report.count(VerdictKind::Skipped) + report.count(VerdictKind::NotRun);
    let totals = format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\"",
        seconds(report.aggregate)
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"{}\" {totals}>", escape(&report.project))?;
    let started = timestamp(report.started_unix_ms);
    writeln!(
        out,
        "<testsuite name=\"{}\" {totals} timestamp=\"{started}\" hostname=\"{}\">",
        escape(&report.project),
        escape(report.buildlets.first().map_or("", |buildlet| &buildlet.name))
    )?;
    write_properties(report, out)?;
    if let Some(cause) = build_error(report) {
        // A build that could not finish must not look like a green one to a reader of this file alone.
        writeln!(out, "<testcase classname=\"muster\" name=\"build\" time=\"{}\">", seconds(report.took))?;
        writeln!(out, "<error type=\"{}\" message=\"{}\"/>", report.outcome.word(), attribute(cause))?;
        writeln!(out, "</testcase>")?;
    }
    for test in &report.tests {
        write_test(test, out)?;
    }
    writeln!(out, "</testsuite>\n</testsuites>")?;
    out.flush()
}

/// Why the build as a whole has no good end, where its tests do not say so themselves.
fn build_error(report: &BuildReport) -> Option<&str> {
    match &report.outcome {
        Outcome::Errored { cause } | Outcome::Canceled { cause } => Some(cause),
        Outcome::Failed { cause } if report.count(VerdictKind::Failed) == 0 => Some(cause),
        Outcome::Failed { .. } | Outcome::Passed => None,
    }
}

fn write_properties(report: &BuildReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<properties>")?;
    let mut property =
        |name: &str, value: &str| writeln!(out, "<property name=\"{}\" value=\"{}\"/>", escape(name), attribute(value));
    property("muster.builder", &report.builder)?;
    property("muster.rev", &report.rev)?;
    property("muster.outcome", report.outcome.word())?;
    for plugin in &report.plugins {
        property(&format!("muster.plugin.{}", plugin.role), &format!("{} {}", plugin.name, plugin.digest))?;
    }
    writeln!(out, "</properties>")
}

fn write_test(test: &TestResult, out: &mut impl Write) -> io::Result<()> {
    // A project's own runner may leave the name of a case empty and say all with the suite.
    let is_unnamed = test.suite.is_empty() && test.case.is_empty();
    let case = if is_unnamed { &test.name } else { &test.case };
    write!(
        out,
        "<testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
        attribute(&test.suite),
        attribute(case),
        seconds(test.verdict.duration.unwrap_or_default())
    )?;
    let message = attribute(&text::one_line(&test.verdict.cause, MAX_MESSAGE));
    let body = escape(&text::plain(test.verdict.cause.as_bytes()));
    let open = if test.added { ADDED } else { ">" };
    match test.verdict.kind {
        VerdictKind::Passed if test.output.is_empty() && !test.added => return writeln!(out, "/>"),
        VerdictKind::Passed => writeln!(out, "{open}")?,
        VerdictKind::Failed => {
            writeln!(out, "{open}\n<failure type=\"failed\" message=\"{message}\">{body}</failure>")?;
            let failed: Vec<_> = test.attempts.iter().filter(|attempt| attempt.failed).collect();
            // The first failure is the one above; the others are tries that were asked for.
            for attempt in failed.iter().skip(1) {
                writeln!(
                    out,
                    "<rerunFailure type=\"failed\" message=\"{}\"/>",
                    attribute(&text::one_line(&format!("{}: {}", attempt.buildlet, attempt.end), MAX_MESSAGE))
                )?;
            }
        }
        VerdictKind::Flaky => {
            writeln!(out, "{open}")?;
            let mut any = false;
            for attempt in test.attempts.iter().filter(|attempt| attempt.failed) {
                any = true;
                writeln!(
                    out,
                    "<flakyFailure type=\"failed\" message=\"{}\"/>",
                    attribute(&text::one_line(&format!("{}: {}", attempt.buildlet, attempt.end), MAX_MESSAGE))
                )?;
            }
            if !any {
                writeln!(out, "<flakyFailure type=\"failed\" message=\"{message}\"/>")?;
            }
        }
        VerdictKind::Skipped => writeln!(out, "{open}\n<skipped type=\"skipped\" message=\"{message}\"/>")?,
        VerdictKind::NotRun => writeln!(out, "{open}\n<skipped type=\"not-run\" message=\"{message}\"/>")?,
        VerdictKind::Lost => writeln!(out, "{open}\n<error type=\"lost\" message=\"{message}\">{body}</error>")?,
    }
    if !test.output.is_empty() {
        writeln!(out, "<system-out>{}</system-out>", escape(&text::plain(&test.output)))?;
    }
    writeln!(out, "</testcase>")
}

/// The beginning of a test case that was reported without having been listed.
const ADDED: &str = ">\n<properties><property name=\"muster.added\" value=\"true\"/></properties>";

/// The most characters of a message attribute: readers show it on one line, and the whole text follows as content.
const MAX_MESSAGE: usize = 400;

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

fn timestamp(unix_ms: u64) -> String {
    let shown = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    shown.map_or_else(String::new, |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Text of an attribute: as content, with line breaks kept from being read as spaces.
fn attribute(text: &str) -> String {
    escape(text).replace('\n', "&#10;").replace('\t', "&#9;").replace('\r', "&#13;")
}

/// Text that any XML 1.0 parser takes: markup is escaped, and characters that XML cannot say are shown as `\u{..}`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(letter),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.extend(letter.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}
