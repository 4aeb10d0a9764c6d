//! What a server says, as people read it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use report::text;
use service::view::{BuildItem, BuildView, OutcomeWord, PhaseWord, TestCounts};

/// Where a build is, in a word or two.
pub(super) fn state(item: &BuildItem) -> String {
    match (item.outcome, item.phase, item.position) {
        (Some(outcome), ..) => outcome.word().to_owned(),
        (None, PhaseWord::Queue, Some(position)) => format!("waits, number {position}"),
        (None, phase, _) => phase_word(phase).to_owned(),
    }
}

fn phase_word(phase: PhaseWord) -> &'static str {
    match phase {
        PhaseWord::Queue => "waits",
        PhaseWord::Acquire => "waits for a machine",
        PhaseWord::Prepare => "prepares",
        PhaseWord::Make => "makes",
        PhaseWord::Snapshot => "snapshots",
        PhaseWord::List => "lists tests",
        PhaseWord::Test => "tests",
        PhaseWord::Done => "ends",
    }
}

/// How long ago something was.
pub(super) fn ago(unix_ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{} ago", text::age(now.saturating_sub(Duration::from_millis(unix_ms))))
}

/// One line of a list.
pub(super) fn row(item: &BuildItem) -> [String; 6] {
    [
        item.id.to_string(),
        text::one_line(&item.project, 40),
        text::one_line(&item.builder, 40),
        state(item),
        ago(item.submitted_ms),
        text::one_line(&item.by, 40),
    ]
}

/// A build, in a few lines.
pub(super) fn build(view: &BuildView) -> String {
    let item = &view.item;
    let mut lines = vec![format!("build {} of {}: {}", item.id, text::one_line(&item.project, 100), state(item))];
    if let Some(cause) = &item.cause {
        lines.push(format!("  {}", text::one_line(cause, 500)));
    }
    if let (Some(why), None) = (&view.cancel, item.outcome) {
        lines.push(format!("  is being stopped: {}", text::one_line(why, 500)));
    }
    lines.push(format!("  builder {}, revision {}", item.builder, text::one_line(&item.rev, 100)));
    lines.push(format!("  submitted by {} {}", text::one_line(&item.by, 100), ago(item.submitted_ms)));
    if let Some(took) = view.took_s {
        lines.push(format!("  took {}", text::duration(Duration::from_secs_f64(took.max(0.0)))));
    }
    if let Some(tests) = item.tests.filter(|tests| tests.total > 0) {
        lines.push(format!("  {}", counts(&tests)));
    }
    for machine in view.machines.iter().filter(|machine| item.outcome.is_none() || machine.lost.is_some()) {
        let what = match (&machine.lost, machine.running) {
            (Some(cause), _) => format!("lost: {}", text::one_line(cause, 300)),
            (None, Some(attempt)) => format!("runs a{attempt}"),
            (None, None) if machine.left_ms.is_some() => "gone".to_owned(),
            (None, None) => "there".to_owned(),
        };
        lines.push(format!("  {} ({}): {what}", machine.name, machine.pool));
    }
    for fault in &view.faults {
        lines.push(format!("  plugin {} ({}): {}", fault.plugin, fault.digest, text::one_line(&fault.text, 500)));
    }
    lines.join("\n")
}

fn counts(tests: &TestCounts) -> String {
    let mut words = vec![format!("{} of {} done", text::number(tests.done), text::plural(tests.total, "test"))];
    let kinds = [
        (tests.failed, "failed"),
        (tests.flaky, "flaky"),
        (tests.skipped, "skipped"),
        (tests.lost, "lost"),
        (tests.not_run, "not run"),
    ];
    words.extend(
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{} {kind}", text::number(*count))),
    );
    words.join(", ")
}

/// The outcome as the engine knows it: exit codes follow from that.
pub(super) fn outcome(item: &BuildItem) -> Option<engine::Outcome> {
    let cause = item.cause.clone().unwrap_or_default();
    Some(match item.outcome? {
        OutcomeWord::Passed => engine::Outcome::Passed,
        OutcomeWord::Failed => engine::Outcome::Failed { cause },
        OutcomeWord::Errored => engine::Outcome::Errored { cause },
        OutcomeWord::Canceled => engine::Outcome::Canceled { cause },
    })
}
