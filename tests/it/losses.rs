//! Machines are lost; tests are not.

mod cut;

use rustix::process::Signal;

use crate::support::{Live, Outcome, QUICK, Tree, User, live};

fn slow_tree(count: usize) -> Tree {
    let tree = Tree::new(&[]);
    for number in 0..count {
        tree.script(&format!("t{number:02}"), "sleep 0.3; echo 1..1; echo ok 1");
    }
    tree
}

/// The named machine was lost, is said to be with its cause, and every test passed once all the same.
pub(crate) fn assert_only_the_machine_was_lost(outcome: &Outcome, name: &str, tests: usize) {
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(outcome.junit.len(), tests);
    assert!(outcome.junit.values().all(|result| result == "passed"), "{:?}", outcome.junit);
    assert_eq!(outcome.named("test").count(), tests, "one verdict for each: {}", outcome.all());
    let lost: Vec<_> = outcome.named("buildlet").filter(|event| event["state"] == "lost").collect();
    assert!(!lost.is_empty() && lost.iter().all(|event| event["name"] == name), "{name} is lost: {lost:?}");
    assert!(lost[0]["cause"].as_str().unwrap().starts_with("machine lost: "), "{lost:?}");
    let told = |line: &str| line.starts_with(&format!("  {name} after ")) && line.contains(": machine lost: ");
    assert!(outcome.stderr.lines().any(told), "{}", outcome.stderr);
}

pub(crate) fn pid_of_helper(event: &serde_json::Value) -> Option<u32> {
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
    assert_only_the_machine_was_lost(&live.finish(&user), event["name"].as_str().unwrap(), 30);
}

#[test]
fn a_stopped_helper_costs_no_test() {
    let user = User::new();
    user.configure(QUICK);
    let tree = slow_tree(30);
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "2"]));
    let event = live.wait_for("a helper ran", |event| pid_of_helper(event).is_some());
    live::signal(pid_of_helper(&event).unwrap(), Signal::STOP);
    assert_only_the_machine_was_lost(&live.finish(&user), event["name"].as_str().unwrap(), 30);
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
    assert_only_the_machine_was_lost(&live.finish(&user), event["name"].as_str().unwrap(), 30);
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
    let verdict = outcome.named("test").find(|event| event["name"] == "t/b.t").unwrap();
    assert_eq!(verdict["verdict"], "lost", "{verdict}");
    let cause = verdict["cause"].as_str().unwrap();
    assert!(cause.starts_with("could not be run in 3 tries: "), "{cause}");
    assert_eq!(cause.matches("machine lost: ").count(), 3, "each try with its cause: {cause}");
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

/// What a killed build had kept of its output goes with the next build; what a running one keeps stays.
#[test]
fn a_killed_build_leaves_nothing_behind_for_long() {
    let user = User::new();
    let gate = user.path("gate");
    let waiting = format!("until [ -e '{}' ]; do sleep 0.1; done; echo 1..1; echo ok 1 - through", gate.display());
    let tree = Tree::new(&[("waiting", &waiting)]);
    let begin = || {
        let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "0"]));
        live.wait_for("its test ran", |event| event["event"] == "attempt-started");
        live
    };
    let running = begin();
    let killed = begin();
    live::signal(killed.pid(), Signal::KILL);
    assert_eq!(killed.finish(&user).code, None);
    let output = user.path(".local/state/muster/output");
    let kept = || std::fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(kept().len(), 2, "{:?}", kept());
    let other = user.build(Tree::new(&[("a", "echo 1..1; echo ok 1")]).path(), &[]);
    assert_eq!(other.code, Some(0), "{}", other.all());
    assert_eq!(kept().len(), 1, "{:?}", kept());
    std::fs::write(gate, "").unwrap();
    let outcome = running.finish(&user);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert!(String::from_utf8_lossy(&outcome.log).contains("ok 1 - through"), "{}", outcome.all());
    assert_eq!(kept(), [] as [std::ffi::OsString; 0]);
}
