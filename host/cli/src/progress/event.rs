//! The event stream: one JSON object for each update, as `docs/events.md` describes.

use std::time::Duration;

use engine::{Role, Status, VerdictKind};
use serde_json::{Value, json};

use crate::exit;
use crate::view::{BuildReport, BuildUpdate, BuildletState, PhaseEdge};

/// The names of all events, for the test that compares them with their documentation.
pub const EVENTS: [&str; 16] = [
    "phase",
    "buildlet",
    "source",
    "snapshot",
    "tree",
    "listed",
    "estimates",
    "reported",
    "test",
    "output",
    "machine-output",
    "attempt-started",
    "attempt-ended",
    "plugin-fault",
    "note",
    "done",
];

/// One update as an event. `text` is the output it carries, decoded by the caller, who knows where letters were cut.
pub fn event(since: Duration, update: &BuildUpdate, text: &str) -> Value {
    let mut event = match update {
        BuildUpdate::Phase { name, edge: PhaseEdge::Started } => {
            json!({"event": "phase", "name": name, "state": "started"})
        }
        BuildUpdate::Phase { name, edge: PhaseEdge::Ended { took } } => {
            json!({"event": "phase", "name": name, "state": "ended", "took_s": seconds(*took)})
        }
        BuildUpdate::Buildlet { name, role, pool, pid, state } => buildlet(name, *role, pool, *pid, state),
        BuildUpdate::Source { files, bytes, rev } => {
            json!({"event": "source", "files": files, "bytes": bytes, "rev": rev})
        }
        BuildUpdate::Snapshot { reused, age, bytes } => {
            json!({"event": "snapshot", "reused": reused, "age_s": seconds(*age), "bytes": bytes})
        }
        BuildUpdate::Tree { buildlet, way, took } => {
            json!({"event": "tree", "buildlet": buildlet, "way": way.word(), "took_s": seconds(*took)})
        }
        BuildUpdate::Listed { tests } => json!({"event": "listed", "tests": tests}),
        BuildUpdate::Estimates { total, unknown } => {
            json!({"event": "estimates", "total_s": seconds(*total), "unknown": unknown})
        }
        BuildUpdate::TestReported { name, status, duration, buildlet } => json!({
            "event": "reported", "name": name, "status": status_word(*status), "took_s": duration.map(seconds),
            "buildlet": buildlet,
        }),
        BuildUpdate::TestDone { name, kind, duration, buildlet, cause, added } => json!({
            "event": "test", "name": name, "verdict": kind.to_string(), "took_s": duration.map(seconds),
            "buildlet": some(buildlet), "cause": some(cause), "added": added,
        }),
        BuildUpdate::OrderedOutput(_) => json!({"event": "output", "text": text}),
        BuildUpdate::MachineOutput { buildlet, .. } => {
            json!({"event": "machine-output", "buildlet": buildlet, "text": text})
        }
        BuildUpdate::AttemptStarted { attempt, buildlet, tests } => {
            json!({"event": "attempt-started", "attempt": attempt.0, "buildlet": buildlet, "tests": tests})
        }
        BuildUpdate::AttemptEnded { attempt, buildlet, end, took } => json!({
            "event": "attempt-ended", "attempt": attempt.0, "buildlet": buildlet, "end": end, "took_s": seconds(*took),
        }),
        BuildUpdate::PluginFault { plugin, digest, text } => {
            json!({"event": "plugin-fault", "plugin": plugin, "digest": some(digest), "text": text})
        }
        BuildUpdate::Note(text) => json!({"event": "note", "text": text}),
        BuildUpdate::Done(report) => done(report),
    };
    event["time_s"] = json!(seconds(since));
    event
}

fn buildlet(name: &str, role: Role, pool: &str, pid: Option<u32>, state: &BuildletState) -> Value {
    let mut event = json!({
        "event": "buildlet", "name": name, "role": role_word(role), "pool": pool, "pid": pid, "state": state.word(),
    });
    match state {
        BuildletState::Running { tests, .. } => event["tests"] = json!(tests),
        BuildletState::Lost { cause } => event["cause"] = json!(cause),
        BuildletState::Starting | BuildletState::SettingUp | BuildletState::Idle | BuildletState::Released => {}
    }
    event
}

fn done(report: &BuildReport) -> Value {
    let counts: serde_json::Map<String, Value> =
        VerdictKind::ALL.iter().map(|kind| (kind.to_string(), json!(report.count(*kind)))).collect();
    json!({
        "event": "done",
        "project": report.project,
        "builder": report.builder,
        "rev": report.rev,
        "outcome": report.outcome.word(),
        "cause": some(report.outcome.cause()),
        "exit_code": exit::of_outcome(&report.outcome).code(),
        "took_s": seconds(report.took),
        "aggregate_s": seconds(report.aggregate),
        "saved_s": seconds(report.saved),
        "tests": report.tests.len(),
        "verdicts": counts,
        "lost_buildlets": report.lost_buildlets().count(),
        "certificate": report.certificate.as_ref().map(|certificate| json!({
            "lower_bound_s": seconds(certificate.lower_bound),
            "took_s": seconds(certificate.took),
            "differences": certificate.differences.iter().map(|difference| json!({
                "label": difference.label, "time_s": seconds(difference.time), "text": difference.text,
            })).collect::<Vec<_>>(),
            "statement": certificate.statement,
        })),
        "plugins": report.plugins.iter().map(|plugin| json!({
            "role": plugin.role, "name": plugin.name, "digest": some(&plugin.digest),
        })).collect::<Vec<_>>(),
    })
}

/// What a buildlet is to a build, in one word.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Main => "main",
        Role::Helper => "helper",
    }
}

/// What a runner says of a test, in one word.
fn status_word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Seconds, to the microsecond: more digits would only be noise.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}
