//! Every row of "verdicts are earned", on real processes.

use rustix::process::Signal;

use crate::support::live::signal;
use crate::support::{Live, Outcome, Tree, User};

const PASS: &str = "echo 1..1; echo ok 1";

#[test]
fn a_listed_test_that_is_never_mentioned_fails_after_a_try_of_its_own() {
    let user = User::new();
    let tree = Tree::with_muster(
        r##"
[command]
list = "echo a; echo quiet; echo c"
run = 'for t in {tests}; do [ "$t" = quiet ] || echo "ok - $t"; done'
parser = { name = "tap", names = "point" }
"##,
    );
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert_eq!([outcome.result("a"), outcome.result("quiet"), outcome.result("c")], ["passed", "failed", "passed"]);
    assert!(outcome.stderr.contains("not reported"), "{}", outcome.stderr);
}

#[test]
fn a_group_that_fails_without_a_failing_test_fails_for_itself() {
    let user = User::new();
    let tree = Tree::with_muster(
        r##"
[command]
list = "echo a; echo b"
run = 'for t in {tests}; do echo "# muster-test: $t"; echo 1..1; echo ok 1; done; exit 9'
parser = "tap"
"##,
    );
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert_eq!([outcome.result("a"), outcome.result("b")], ["passed", "passed"]);
    let failed: Vec<_> = outcome.junit.iter().filter(|(_, result)| *result == "failed").collect();
    assert_eq!(failed.len(), 1, "{:?}", outcome.junit);
    assert!(outcome.stderr.contains("exit status 9"), "{}", outcome.stderr);
}

#[test]
fn a_crash_in_the_middle_blames_the_open_test_and_runs_the_rest_again() {
    let user = User::new();
    let tree = Tree::new(&[("a", PASS), ("b", "kill -SEGV $PPID; sleep 5"), ("c", PASS)]);
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert_eq!(
        [outcome.result("t/a.t"), outcome.result("t/b.t"), outcome.result("t/c.t")],
        ["passed", "failed", "passed"]
    );
}

#[test]
fn without_a_parser_a_failing_group_is_taken_apart() {
    let user = User::new();
    let tree = Tree::with_muster(
        "[command]\nlist = 'echo a; echo bad; echo c'\nrun = 'for t in {tests}; do [ $t != bad ] || exit 1; done'\n",
    );
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert_eq!([outcome.result("a"), outcome.result("bad"), outcome.result("c")], ["passed", "failed", "passed"]);
}

#[test]
fn a_hanging_test_runs_over_its_limit_and_only_it_fails() {
    let user = User::new();
    let tree = Tree::new(&[("a", PASS), ("b", "sleep 600"), ("c", PASS)]);
    tree.section("timeout = { 'b\\.t$' = '2s' }");
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert_eq!(
        [outcome.result("t/a.t"), outcome.result("t/b.t"), outcome.result("t/c.t")],
        ["passed", "failed", "passed"]
    );
    assert!(outcome.stderr.contains("time limit"), "{}", outcome.stderr);
}

#[test]
fn a_flaky_test_is_told_as_one_where_retries_are_asked_for() {
    let user = User::new();
    let mark = user.path("mark");
    let body = format!("echo 1..1; if [ -e {0} ]; then echo ok 1; else touch {0}; echo not ok 1; fi", mark.display());
    let tree = Tree::new(&[("a", PASS), ("b", &body)]);
    let outcome = user.build(tree.path(), &["--helpers", "0", "--retries", "1"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let verdicts: Vec<_> = outcome.named("test").filter(|event| event["name"] == "t/b.t").collect();
    assert!(verdicts.iter().any(|event| event["verdict"] == "flaky"), "{}", outcome.all());
}

/// Its parts were not listed, and only they say what was wrong.
#[test]
fn what_failed_as_a_part_of_a_flaky_test_is_flaky_too() {
    let user = User::new();
    let tree = Tree::with_muster(
        &r##"
[command]
list = "echo whole"
run = """
for part in one two; do [ $part = two -a ! -e MARK ] && echo "not ok - whole/$part" || echo "ok - whole/$part"; done
if [ -e MARK ]; then echo "ok - {tests}"; else touch MARK; echo "not ok - {tests}"; fi
"""
parser = { name = "tap", names = "point" }
"##
        .replace("MARK", user.path("mark").to_str().unwrap()),
    );
    let outcome = user.build(tree.path(), &["--helpers", "0", "--retries", "1", "--fail-fast"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let last = |name: &str| outcome.named("test").filter(|event| event["name"] == name).last().unwrap().clone();
    let verdicts = ["whole", "whole/one", "whole/two"].map(|name| last(name)["verdict"].clone());
    assert_eq!(verdicts, ["flaky", "passed", "flaky"], "{}", outcome.all());
}

#[test]
fn hostile_output_disturbs_nobody() {
    let user = User::new();
    let noisy = "printf '\\033[31mred\\377\\376 \\000 bytes\\n'; head -c 200000000 /dev/zero | tr '\\0' 'x'; echo; echo 1..1; echo ok 1";
    let tree = Tree::new(&[("a", PASS), ("b", noisy), ("c", PASS)]);
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.junit.len(), 3);
    assert!(outcome.log.len() < 100 << 20, "the log is bounded: {}", outcome.log.len());
    let log = String::from_utf8_lossy(&outcome.log[outcome.log.len() - 4096..]).into_owned();
    assert!(outcome.stderr.contains("output cut") || log.contains("output cut"), "and says what it cut");
}

#[test]
fn a_process_left_behind_is_killed_and_told() {
    let user = User::new();
    let mark = user.path("pid");
    let body = format!("setsid sh -c 'echo $$ > {}; exec sleep 600' & sleep 0.3; echo 1..1; echo ok 1", mark.display());
    let tree = Tree::new(&[("a", &body)]);
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let pid = std::fs::read_to_string(mark).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "process {pid} still runs");
    assert!(outcome.all().contains("background process"), "{}", outcome.all());
}

/// What the make writes into its attempt's folder is where the plan said.
#[test]
fn make_runs_in_the_folder_that_its_plan_names() {
    let user = User::new();
    let tree = Tree::with_muster(
        r##"
[command]
make = ["echo made > {attempt}/mark && cp {attempt}/mark mark"]
list = "cat mark"
run = 'for t in {tests}; do echo "ok - $t"; done'
parser = { name = "tap", names = "point" }
"##,
    );
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(outcome.result("made"), "passed");
}

#[test]
fn a_reported_but_unlisted_test_is_added_and_marked() {
    let user = User::new();
    let tree = Tree::with_muster(
        r##"
[command]
list = "echo a"
run = 'for t in {tests}; do echo "ok - $t"; done; echo "ok - unlisted"'
parser = { name = "tap", names = "point" }
"##,
    );
    let report = user.path("report.html");
    let outcome = user.build(tree.path(), &["--helpers", "0", "--report", report.to_str().unwrap()]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!([outcome.result("a"), outcome.result("unlisted")], ["passed", "passed"]);
    let added = |name| outcome.named("test").find(|event| event["name"] == name).unwrap()["added"].as_bool();
    assert_eq!([added("a"), added("unlisted")], [Some(false), Some(true)], "{}", outcome.all());
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("unlisted <span class=\"dim\">(not listed)</span>"), "it is marked");
    assert_eq!(report.matches("(not listed)").count(), 1, "and only it");
}

/// One test passes, one hangs until the build is cut short, and one never has its turn.
fn cut_short() -> Tree {
    let tree = Tree::new(&[("a", PASS), ("b", "sleep 600"), ("c", PASS)]);
    tree.set("merge = false");
    tree
}

/// The tests that did not end are written with the cause.
fn is_told_as_not_run(user: &User, outcome: &Outcome, cause: &str) {
    assert_eq!(outcome.result("t/a.t"), "passed", "{}", outcome.all());
    assert_eq!([outcome.result("t/b.t"), outcome.result("t/c.t")], ["skipped", "skipped"], "{}", outcome.all());
    let junit = std::fs::read_to_string(user.path("junit.xml")).unwrap();
    let not_run: Vec<&str> = junit.lines().filter(|line| line.contains("type=\"not-run\"")).collect();
    assert_eq!(not_run.len(), 2, "{junit}");
    assert!(not_run.iter().all(|line| line.contains(cause)), "no `{cause}` in {not_run:?}");
}

#[test]
fn a_canceled_build_writes_not_run_with_the_cause() {
    let (user, tree) = (User::new(), cut_short());
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "0"]));
    live.wait_for("the first test passed", |event| event["event"] == "test" && event["name"] == "t/a.t");
    signal(live.pid(), Signal::INT);
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(130), "{}", outcome.all());
    is_told_as_not_run(&user, &outcome, "cancel");
}

#[test]
fn a_build_over_its_time_writes_not_run_with_the_cause() {
    let (user, tree) = (User::new(), cut_short());
    let outcome = user.build(tree.path(), &["--helpers", "0", "--timeout", "20s"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.all());
    is_told_as_not_run(&user, &outcome, "20");
}

#[test]
fn an_empty_listing_could_not_be_finished() {
    let user = User::new();
    let tree = Tree::with_muster("[command]\nlist = 'true'\nrun = 'true {tests}'\n");
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.all());
    assert!(outcome.stderr.contains("the listing has no test in it"), "{}", outcome.stderr);
}

#[test]
fn a_name_that_is_listed_twice_could_not_be_finished() {
    let user = User::new();
    let tree = Tree::with_muster("[command]\nlist = 'echo a; echo b; echo a'\nrun = 'true {tests}'\n");
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.all());
    assert!(outcome.stderr.contains("two tests are called `a`"), "{}", outcome.stderr);
}

/// Nobody knows which of the group took the machine along: each is run by itself.
#[test]
fn without_a_parser_the_members_of_a_lost_group_run_alone() {
    let user = User::new();
    user.configure("[limits]\nheartbeat-every = \"500ms\"\nheartbeat-timeout = \"500ms\"\n");
    let tree =
        Tree::with_muster("[command]\nlist = 'seq -f t%02.0f 12'\nrun = 'for t in {tests}; do sleep 0.3; done'\n");
    let mut live = Live::start(user.build_command(tree.path(), &["--helpers", "1"]));
    let mut group = Vec::new();
    let event = live.wait_for("a helper runs a group", |event| {
        group = event["tests"].as_array().cloned().unwrap_or_default();
        event["event"] == "buildlet" && event["role"] == "helper" && event["state"] == "running" && group.len() > 1
    });
    signal(u32::try_from(event["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert!(outcome.junit.len() == 12 && outcome.junit.values().all(|result| result == "passed"), "{}", outcome.all());
    let attempts: Vec<_> = outcome.named("attempt-started").map(|event| event["tests"].clone()).collect();
    for member in group {
        let alone = serde_json::Value::from(vec![member]);
        assert!(attempts.contains(&alone), "{alone} ran alone: {}", outcome.all());
    }
}
