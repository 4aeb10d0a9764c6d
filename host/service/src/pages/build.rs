//! One build: all that is known of it, in one page.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use coordinator::streams::NOTES;
use coordinator::view::BuildReport;
use engine::BuildId;
use http::{HeaderMap, StatusCode};
use report::html::{Bounded, Failure, Timeline};

use super::actions::Acts;
use super::log::Frame;
use super::shell::{Shell, html, plain, wants_text};
use super::tests::{Asked, Tests};
use super::words;
use crate::api::{Args, InPath, Lines, build_id, build_view, read_lines, report_now, streams_of};
use crate::facts::Known;
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildView, CertificateView, LogStreams, PhaseView, certificate};

/// Lines of the log in the page; the script brings the others.
const TAIL: u32 = 200;
/// Bytes of remarks in the page: their end.
const NOTES_BYTES: u64 = 32 << 10;
/// Streams of one machine that are named.
const STREAMS: usize = 100;

#[derive(Template)]
#[template(path = "build.html")]
struct Page<'a> {
    shell: Shell,
    build: &'a BuildView,
    shown: Shown,
    frame: Frame,
    acts: Acts,
}

#[derive(Template)]
#[template(path = "build.txt")]
struct Text<'a> {
    shell: Shell,
    build: &'a BuildView,
    shown: Shown,
    frame: Frame,
}

/// What the page shows beside the build itself.
struct Shown {
    timeline: Timeline,
    failures: Bounded<Failure>,
    tests: Tests,
    certificate: Option<CertificateView>,
    notes: Vec<String>,
    streams: LogStreams,
}

/// A build, as a page or as text.
pub(super) async fn build(
    State(service): State<Arc<Service>>,
    identity: Identity,
    InPath(named): InPath<String>,
    Args(asked): Args<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (number, text) = match named.strip_suffix(".txt") {
        Some(number) => (number, true),
        None => (named.as_str(), wants_text(&headers)),
    };
    let id = build_id(number)?;
    let known = service.known(id).await?;
    let build = build_view(&service, &known);
    let shown = shown(&service, &known, &build, asked).await?;
    let tail = read_lines(&service, &known, &Lines { from: None, limit: Some(TAIL) }).await?;
    let frame = Frame::new(&build, &tail, "");
    if text {
        return plain(&Text { shell: Shell::new("", Some(&identity)), build: &build, shown, frame });
    }
    let page = Page {
        shell: shell(&build, &identity, tail.finished),
        acts: Acts::of(&service, &identity, &build),
        build: &build,
        shown,
        frame,
    };
    html(StatusCode::OK, &page)
}

fn shell(build: &BuildView, identity: &Identity, log_is_whole: bool) -> Shell {
    let item = &build.item;
    let what = format!("{} #{} · muster", words::line(&item.project), item.id);
    let state = match (item.outcome, item.tests.filter(|tests| tests.total > 0)) {
        (Some(outcome), _) => outcome.word().to_owned(),
        (None, Some(tests)) => format!("{}%", 100 * tests.done / tests.total),
        (None, None) => item.phase.word().to_owned(),
    };
    let mut shell = Shell::new(format!("{state} · {what}"), Some(identity));
    shell.icon = item.state();
    shell.place = "Builds";
    shell.twin = format!("/builds/{}.txt", item.id);
    if item.outcome.is_none() || !log_is_whole {
        shell.live = format!("/builds/{}/live", item.id);
    }
    shell
}

async fn shown(service: &Arc<Service>, known: &Known, build: &BuildView, asked: Asked) -> Result<Shown, Problem> {
    let id = known.build();
    let report = report_now(service, known).await;
    let certified = report.certificate.as_ref().filter(|_| build.item.outcome.is_some());
    Ok(Shown {
        timeline: report::html::timeline(&report),
        failures: report::html::failures(&report),
        tests: known.look(|facts, _| Tests::of(facts, asked)),
        certificate: certified.map(certificate),
        notes: notes(service, id, &report).await?,
        streams: streams_of(service, known).await?,
    })
}

/// What was remarked while the build ran, and what its attempts left behind.
async fn notes(service: &Service, build: BuildId, report: &BuildReport) -> Result<Vec<String>, Problem> {
    let end = service.logs().read(build.0, NOTES, 0, 0).await?.end;
    let from = end.saturating_sub(NOTES_BYTES);
    let most = usize::try_from(NOTES_BYTES).unwrap_or(usize::MAX);
    let text = service.logs().read(build.0, NOTES, from, most).await?.bytes;
    let text = String::from_utf8_lossy(&text).into_owned();
    // The first line is cut where there is more before it.
    let lines = text.lines().skip(usize::from(from > 0)).map(words::line);
    let mut notes: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let more: Vec<String> = report.notes.iter().map(|note| words::line(note)).collect();
    for note in more {
        if !notes.iter().any(|known| known.contains(&note)) {
            notes.push(note);
        }
    }
    Ok(notes)
}

impl Shown {
    /// The streams of a machine that are named.
    fn named<'a>(&self, streams: &'a [String]) -> &'a [String] {
        &streams[..streams.len().min(STREAMS)]
    }

    /// How many of them are not.
    fn unnamed(&self, streams: &[String]) -> usize {
        streams.len().saturating_sub(STREAMS)
    }
}

/// What a phase took, or takes.
fn phase_took(phase: &PhaseView, now_ms: &u64) -> String {
    words::between(phase.began_ms, phase.ended_ms.unwrap_or(*now_ms))
}

/// How a count of verdicts is coloured.
fn tone(verdict: &str) -> &'static str {
    match verdict {
        "failed" | "lost" => "bad",
        "flaky" | "not run" => "warn",
        _ => "",
    }
}
