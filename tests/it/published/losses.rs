//! A published project loses a machine, at several points of the run: same verdicts, each test exactly one.

use rustix::process::Signal;
use serde_json::Value;

use super::suite::{Own, Suite, assert_same};
use super::{python, rust};
use crate::support::{Live, Outcome, QUICK, User, is_full, is_full_for, live};

/// With more of the tests judged the last groups may be out already, and nobody would miss the machine.
const LATEST_PERCENT: usize = 50;

/// Follows a run to the point of its disturbance.
#[derive(Default)]
struct Watch {
    listed: usize,
    judged: usize,
    attempts: usize,
}

impl Watch {
    /// True when so many groups have ended and the event says that a machine of this role runs tests.
    fn is_due(&mut self, event: &Value, role: &str, after: usize) -> bool {
        match event["event"].as_str() {
            Some("listed") => self.listed = usize::try_from(event["tests"].as_u64().unwrap()).unwrap(),
            Some("test") => self.judged += 1,
            Some("attempt-ended") => self.attempts += usize::from(self.listed > 0),
            _ => {}
        }
        let runs = event["event"] == "buildlet" && event["state"] == "running" && event["role"] == role;
        self.listed > 0 && self.attempts >= after && runs
    }

    fn is_too_late(&self) -> bool {
        self.judged * 100 > self.listed * LATEST_PERCENT
    }
}

/// Builds with this signal sent to a machine of this role after so many groups. None where the run has no such point.
fn disturbed(user: &User, suite: &Suite, role: &str, signal: Signal, after: usize) -> Option<Outcome> {
    let mut command = user.build_command(&suite.tree, &["--helpers", "2"]);
    command.envs(suite.environment.iter().map(|(name, value)| (name, value)));
    let mut live = Live::start(command);
    let mut watch = Watch::default();
    let event = live.look_for(|event| watch.is_due(event, role, after));
    let Some(event) = event.filter(|_| !watch.is_too_late()) else {
        let outcome = live.finish(user);
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        return None;
    };
    live::signal(u32::try_from(event["pid"].as_u64().unwrap()).unwrap(), signal);
    let outcome = live.finish(user);
    let name = event["name"].as_str().unwrap();
    let lost = outcome.named("buildlet").find(|event| event["state"] == "lost" && event["name"] == name);
    let lost = lost.unwrap_or_else(|| panic!("{name} is not lost after {after} groups: {}", outcome.all()));
    let cause = lost["cause"].as_str().unwrap();
    assert!(cause.starts_with("machine lost: "), "{lost}");
    assert!(outcome.stderr.contains(name) && outcome.stderr.contains(cause), "{cause}\n{}", outcome.stderr);
    Some(outcome)
}

fn assert_nothing_was_lost(place: &str, own: &Own, outcome: &Outcome) {
    assert_same(place, own, outcome);
    let mut names: Vec<_> = outcome.named("test").map(|event| event["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{place}: one verdict for each test");
}

/// After one group, or at all points of the run that `--full` visits.
fn points() -> &'static [usize] {
    if is_full() { &[0, 1, 2, 3, 5, 8, 13, 21, 34] } else { &[1] }
}

/// A machine of this role is disturbed after so many groups, in a run for each.
fn at_points(suite: Option<Suite>, role: &str, signal: Signal, points: &[usize]) {
    let Some(suite) = suite else { return };
    let own = suite.run_itself();
    let user = User::new();
    user.configure(QUICK);
    let mut disturbances = 0;
    for after in points {
        let Some(outcome) = disturbed(&user, &suite, role, signal, *after) else { break };
        assert_nothing_was_lost(&format!("{role} lost after {after} groups"), &own, &outcome);
        disturbances += 1;
    }
    assert!(disturbances > 0, "the run is long enough to lose a machine in it");
}

fn multidict() -> Option<Suite> {
    python::suite("multidict-6.1.0", 1_000)
}

#[test]
fn multidict_survives_the_kill_of_a_helper() {
    at_points(multidict(), "helper", Signal::KILL, points());
}

#[test]
fn multidict_survives_the_stop_of_a_helper() {
    at_points(multidict(), "helper", Signal::STOP, points());
}

#[test]
fn multidict_survives_the_kill_of_the_main_buildlet() {
    at_points(multidict(), "main", Signal::KILL, points());
}

/// Test binaries and documentation tests, by libtest. Half of the tests are of the first groups, so it is one of those
/// that the helper runs.
#[test]
fn num_survives_the_kill_of_a_helper() {
    if !is_full_for("the loss of a machine in a Rust suite") {
        return;
    }
    at_points(rust::without_nextest(), "helper", Signal::KILL, &[0]);
}
