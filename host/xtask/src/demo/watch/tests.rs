//! A build's events, as the watcher takes them.

use serde_json::{Value, json};

use super::{Disturbance, Watch};

fn helper(name: &str, pid: u32, state: &str) -> Value {
    json!({"event": "buildlet", "name": name, "role": "helper", "pid": pid, "state": state, "cause": "it went away"})
}

fn test(number: u32) -> Value {
    json!({"event": "test", "name": format!("t{number}"), "verdict": "passed"})
}

/// Feeds a build of 100 tests, ten an attempt, on two helpers that are lost when they are disturbed; returns who was
/// disturbed after how many tests.
fn disturbances(watch: &mut Watch) -> Vec<(usize, Disturbance)> {
    watch.event(&json!({"event": "listed", "tests": 100}));
    watch.event(&json!({"event": "buildlet", "name": "main", "role": "main", "pid": 1, "state": "running"}));
    watch.event(&helper("helper-1", 11, "running"));
    watch.event(&helper("helper-2", 12, "running"));
    let mut seen = Vec::new();
    for number in 1..=100 {
        watch.event(&test(number));
        if number % 10 == 0 {
            let (_, disturbance) = watch.event(&json!({"event": "attempt-ended", "buildlet": "main"}));
            if let Some(disturbance) = disturbance {
                watch.event(&helper(&disturbance.name, disturbance.pid, "lost"));
                seen.push((watch.result.verdicts.len(), disturbance));
            }
        }
    }
    seen
}

#[test]
fn one_helper_is_killed_and_another_stopped() {
    let mut watch = Watch::disturbing();
    let expected = [
        (10, Disturbance { signal: "KILL", name: "helper-1".to_owned(), pid: 11 }),
        (30, Disturbance { signal: "STOP", name: "helper-2".to_owned(), pid: 12 }),
    ];
    assert_eq!(disturbances(&mut watch), expected);
    assert_eq!(watch.left_to_do(), 0);
    let result = watch.result();
    assert_eq!(result.verdicts.len(), 100);
    assert_eq!(result.lost_buildlets.len(), 2);
    assert_eq!(result.outcome, None, "the build has not ended");
}

#[test]
fn nobody_is_disturbed_unless_asked() {
    let mut watch = Watch::undisturbed();
    assert_eq!(disturbances(&mut watch), []);
}

#[test]
fn a_helper_that_runs_nothing_is_not_disturbed() {
    let mut watch = Watch::disturbing();
    watch.event(&helper("helper-1", 11, "idle"));
    assert_eq!(watch.event(&json!({"event": "attempt-ended", "buildlet": "main"})).1, None);
    assert_eq!(watch.left_to_do(), 2);
    let (_, disturbance) = watch.event(&helper("helper-1", 11, "running"));
    assert_eq!(disturbance.map(|disturbance| disturbance.signal), Some("KILL"));
}

#[test]
fn a_replacement_of_the_same_name_is_a_machine_of_its_own() {
    let mut watch = Watch::disturbing();
    watch.event(&helper("helper-1", 11, "running"));
    watch.event(&helper("helper-1", 11, "lost"));
    assert_eq!(watch.event(&helper("helper-1", 11, "lost")).0, None, "the same loss is told once");
    watch.event(&helper("helper-1", 12, "running"));
    watch.event(&helper("helper-1", 12, "lost"));
    assert_eq!(watch.result().lost_buildlets.len(), 2);
}

#[test]
fn the_replacement_is_spared_while_another_helper_runs() {
    let mut watch = Watch::disturbing();
    let ended = json!({"event": "attempt-ended", "buildlet": "main"});
    watch.event(&helper("helper-1", 11, "running"));
    let (_, killed) = watch.event(&ended);
    assert_eq!(killed.map(|killed| killed.pid), Some(11));
    watch.event(&helper("helper-1", 12, "running"));
    watch.event(&helper("helper-2", 21, "running"));
    watch.event(&ended);
    let (_, stopped) = watch.event(&ended);
    assert_eq!(stopped.map(|stopped| stopped.pid), Some(21));
}
