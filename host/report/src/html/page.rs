//! The page as a whole.

use std::io::{self, Write};

use askama::Template;
use coordinator::view::BuildReport;
use engine::VerdictKind;

use super::table::{Bounded, Failure, Row, failures, rows};
use super::timeline::{Timeline, timeline};

use crate::text;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a BuildReport,
    outcome: &'static str,
    cause: String,
    started: String,
    took: String,
    aggregate: String,
    saved: String,
    counts: Vec<(String, String)>,
    timeline: Timeline,
    rows: Bounded<Row>,
    failures: Bounded<Failure>,
    certificate: Option<CertificateView<'a>>,
    lost: Vec<(String, String, String)>,
    version: &'static str,
}

struct CertificateView<'a> {
    lower_bound: String,
    took: String,
    differences: Vec<(String, &'a str, &'a str)>,
    statement: &'a str,
}

/// Writes the page.
///
/// # Errors
/// The writer fails.
pub fn write(report: &BuildReport, out: &mut impl Write) -> io::Result<()> {
    let page = Page {
        report,
        outcome: report.outcome.word(),
        cause: text::one_line(report.outcome.cause(), 2_000),
        started: started(report.started_unix_ms),
        took: text::duration(report.took),
        aggregate: text::duration(report.aggregate),
        saved: text::duration(report.saved),
        counts: counts(report),
        timeline: timeline(report),
        rows: rows(report),
        failures: failures(report),
        certificate: report.certificate.as_ref().map(|certificate| CertificateView {
            lower_bound: text::duration(certificate.lower_bound),
            took: text::duration(certificate.took),
            differences: certificate
                .differences
                .iter()
                .map(|difference| {
                    (text::duration(difference.time), difference.label.as_str(), difference.text.as_str())
                })
                .collect(),
            statement: &certificate.statement,
        }),
        lost: report
            .lost_buildlets()
            .map(|(buildlet, cause)| {
                (buildlet.name.clone(), text::duration(buildlet.left), text::one_line(cause, 1_000))
            })
            .collect(),
        version: env!("CARGO_PKG_VERSION"),
    };
    page.write_into(out)?;
    out.flush()
}

fn counts(report: &BuildReport) -> Vec<(String, String)> {
    VerdictKind::ALL
        .into_iter()
        .map(|kind| (kind, report.count(kind)))
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind.to_string(), text::number(count as u64)))
        .collect()
}

fn started(unix_ms: u64) -> String {
    let shown = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    shown.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}
