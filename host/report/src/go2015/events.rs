//! The events of a build, by the names of 2015.

use std::io::{self, Write};
use std::time::Duration;

use coordinator::view::{AttemptKind, AttemptSpan, BuildReport, BuildletSpan};
use engine::{Outcome, Role};

use super::duration::go_duration;
use super::{at, made, make_script, time_of};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, since the build began.
    pub at: Duration,
    /// What.
    pub name: &'static str,
    /// More of it; may be empty.
    pub text: String,
}

/// The events of a build, in order.
pub fn events(report: &BuildReport) -> Vec<Event> {
    let mut list = List(Vec::new());
    list.add(Duration::ZERO, "get_buildlet", "");
    for main in report.buildlets.iter().filter(|buildlet| buildlet.role == Role::Main) {
        list.add(main.joined, "got_buildlet", &main.name);
    }
    list.phases(report);
    for helper in report.buildlets.iter().filter(|buildlet| buildlet.role == Role::Helper) {
        list.helper(report, helper);
    }
    let is_split = make_script(report).is_some();
    for attempt in report.attempts.iter().filter(|attempt| is_split && attempt.kind == AttemptKind::Exec) {
        list.tests(attempt);
    }
    list.end(report);
    // Stable: what happened at one moment stays in the order of its cause.
    list.0.sort_by_key(|event| event.at);
    list.0
}

/// Writes them, each with the time since the one before; with the time since the last where the build still runs.
///
/// # Errors
/// The writer fails.
pub fn write_events(
    events: &[Event],
    started_unix_ms: u64,
    now: Option<Duration>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut before: Option<Duration> = None;
    for event in events {
        let elapsed = before.map_or_else(String::new, |before| elapsed(event.at.saturating_sub(before)));
        let time = time_of(at(started_unix_ms, event.at), "%Y-%m-%dT%H:%M:%SZ");
        writeln!(out, " {elapsed:>7} {time} {} {}", event.name, event.text)?;
        before = Some(event.at);
    }
    match now {
        Some(now) => writeln!(out, " {:>7} (now)", elapsed(now.saturating_sub(before.unwrap_or_default()))),
        None => Ok(()),
    }
}

fn elapsed(time: Duration) -> String {
    format!("+{:.1}s", time.as_secs_f64())
}

struct List(Vec<Event>);

impl List {
    fn add(&mut self, at: Duration, name: &'static str, text: &str) {
        self.0.push(Event { at, name, text: text.to_owned() });
    }

    fn phases(&mut self, report: &BuildReport) {
        for phase in &report.phases {
            let took = go_duration(phase.end.saturating_sub(phase.start));
            match (phase.name.as_str(), make_script(report)) {
                ("prepare", _) if made(report) => {
                    self.add(phase.start, "start_write_go_tar", "");
                    self.add(phase.end, "end_write_go_tar", "");
                }
                ("make", Some(script)) => {
                    self.add(phase.start, "pre_exec", "");
                    self.add(phase.start, "running_exec", script);
                    self.add(phase.end, "exec_done", &format!("{script} in {took}"));
                }
                ("snapshot", Some(_)) => {
                    self.add(phase.start, "write_snapshot", "");
                    self.add(phase.end, "write_snapshot_done", "");
                }
                ("list", Some(_)) => self.add(phase.start, "discovering_tests", ""),
                ("test", Some(_)) => self.add(phase.start, "starting_tests", &format!("{} tests", report.tests.len())),
                ("test", None) => {
                    self.add(phase.start, "pre_exec", "");
                    self.add(phase.start, "legacy_all_path", "");
                    self.add(phase.start, "running_exec", "");
                }
                _ => {}
            }
        }
    }

    fn helper(&mut self, report: &BuildReport, helper: &BuildletSpan) {
        self.add(helper.joined, "helper_ready", "");
        let is_set_up = |attempt: &&AttemptSpan| attempt.kind == AttemptKind::Setup && attempt.buildlet == helper.name;
        match report.attempts.iter().find(is_set_up) {
            Some(set_up) => {
                self.add(set_up.start, "got_helper", &helper.name);
                self.add(set_up.end, "setup_helper", &helper.name);
                self.add(helper.left, "closed_helper", &helper.name);
            }
            None => self.add(helper.left, "helper_killed_before_use", ""),
        }
    }

    fn tests(&mut self, attempt: &AttemptSpan) {
        let which = format!("{}: [{}]", attempt.buildlet, attempt.tests.join(" "));
        self.add(attempt.start, "start_tests", &which);
        let summary = if attempt.ok {
            "ok"
        } else if attempt.text.starts_with("exit status ") || attempt.text.starts_with("signal: ") {
            "test failed remotely"
        } else {
            return self.add(
                attempt.end,
                "end_tests",
                &format!("{which}; commErr={} after {}", attempt.text, took(attempt)),
            );
        };
        self.add(attempt.end, "end_tests", &format!("{which}; {summary} after {}", took(attempt)));
    }

    fn end(&mut self, report: &BuildReport) {
        let test = report.phases.iter().find(|phase| phase.name == "test");
        let message = match (&report.outcome, test) {
            (Outcome::Passed, Some(test)) if make_script(report).is_some() => {
                let took = test.end.saturating_sub(test.start);
                let text = format!(
                    "took {}; aggregate {}; saved {}",
                    go_duration(took),
                    go_duration(report.aggregate),
                    signed(report.aggregate, took)
                );
                self.add(test.end, "tests_complete", &text);
                "all tests passed"
            }
            (Outcome::Passed, _) => "all tests passed",
            (Outcome::Failed { .. }, _) => "with test failures",
            // Without `done` nobody takes it for a result.
            (Outcome::Errored { .. } | Outcome::Canceled { .. }, _) => return,
        };
        self.add(report.took, "done", message);
    }
}

fn took(attempt: &AttemptSpan) -> String {
    go_duration(attempt.end.saturating_sub(attempt.start))
}

/// What is left of `whole` without `part`: negative where that is more.
fn signed(whole: Duration, part: Duration) -> String {
    match whole.checked_sub(part) {
        Some(left) => go_duration(left),
        None => format!("-{}", go_duration(part - whole)),
    }
}
