//! Machines are lost; tests are not.

mod cut;

use rustix::process::Signal;

use crate::support::{Live, Tree, User, live};

/// Heartbeats that need not be waited for.
const QUICK: &str = "[limits]\nheartbeat-every = \"500ms\"\nheartbeat-timeout = \"500ms\"\n";

fn slow_tree(count: usize) -> Tree {
    let tree = Tree::new(&[]);
    for number in 0..count {
        tree.script(&format!("t{number:02}"), "sleep 0.3; echo 1..1; echo ok 1");
    }
    tree
}

fn pid_of_helper(event: &serde_json::Value) -> Option<u32> {
    let running = event["event"] == "buildlet" && event["role"] == "helper" && event["state"] == "running";
    running.then(|| u32::try_from(event["pid"].as_u64()?).ok()).flatten()
}

#[test]
fn a_killed_helper_costs_no_test() {
    let user = User::new();
    user.configure(QUICK);
    let tree = slow_tree(30);
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "2"]));
    let event = live.wait_for("a helper ran", |event| pid_of_helper(event).is_some());
    live::signal(pid_of_helper(&event).unwrap(), Signal::KILL);
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(outcome.junit.len(), 30);
    assert!(outcome.junit.values().all(|result| result == "passed"), "{:?}", outcome.junit);
    assert!(outcome.named("buildlet").any(|event| event["state"] == "lost"), "{}", outcome.all());
    assert!(outcome.stderr.contains("lost"), "{}", outcome.stderr);
}

#[test]
fn a_stopped_helper_costs_no_test() {
    let user = User::new();
    user.configure(QUICK);
    let tree = slow_tree(30);
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "2"]));
    let event = live.wait_for("a helper ran", |event| pid_of_helper(event).is_some());
    live::signal(pid_of_helper(&event).unwrap(), Signal::STOP);
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert!(outcome.junit.values().all(|result| result == "passed") && outcome.junit.len() == 30, "{}", outcome.all());
}

#[test]
fn a_killed_main_buildlet_in_the_test_phase_costs_no_test() {
    let user = User::new();
    user.configure(QUICK);
    let tree = slow_tree(30);
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "1"]));
    live.wait_for("a test ended", |event| event["event"] == "test");
    let event = live.wait_for("the main buildlet ran", |event| {
        event["event"] == "buildlet" && event["role"] == "main" && event["state"] == "running"
    });
    live::signal(u32::try_from(event["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert!(outcome.junit.values().all(|result| result == "passed") && outcome.junit.len() == 30, "{}", outcome.all());
}

/// The test kills the agent that runs it: three times, then it is lost, and only it.
#[test]
fn a_test_that_kills_its_machine_is_lost_and_the_build_errored() {
    let user = User::new();
    user.configure(QUICK);
    let killer = "p=$$; while [ \"$(cat /proc/$p/comm)\" != muster ]; do p=$(awk '{print $4}' /proc/$p/stat); done; kill -9 $p; sleep 60";
    let tree = Tree::new(&[("a", "echo 1..1; echo ok 1"), ("b", killer), ("c", "echo 1..1; echo ok 1")]);
    let outcome = user.build(tree.path(), &["--helpers", "1"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.all());
    assert_eq!(
        [outcome.result("t/a.t"), outcome.result("t/b.t"), outcome.result("t/c.t")],
        ["passed", "error", "passed"]
    );
}

#[test]
fn an_interrupted_build_ends_in_130_with_nothing_left_running() {
    let user = User::new();
    let tree = slow_tree(200);
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "1"]));
    let event = live.wait_for("a helper ran", |event| pid_of_helper(event).is_some());
    live::signal(live.pid(), Signal::INT);
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(130), "{}", outcome.all());
    let listed = outcome.junit.keys().filter(|(_, name)| name.starts_with("t/t")).count();
    assert_eq!(listed, 200, "what never ran is written too: {:?}", outcome.junit);
    let helper = pid_of_helper(&event).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{helper}")).exists(), "buildlet {helper} still runs");
}

#[test]
fn local_buildlets_die_with_a_killed_build() {
    let user = User::new();
    let tree = slow_tree(200);
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "1"]));
    let event = live.wait_for("a helper ran", |event| pid_of_helper(event).is_some());
    let helper = pid_of_helper(&event).unwrap();
    live::signal(live.pid(), Signal::KILL);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::path::Path::new(&format!("/proc/{helper}")).exists() {
        assert!(std::time::Instant::now() < until, "buildlet {helper} outlives its build");
        std::thread::yield_now();
    }
}
