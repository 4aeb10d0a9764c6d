//! What scripts rely on: exit codes, reports, errors that say what to do.

use std::time::Duration;

use crate::support::{Outcome, Tree, User};

const PASS: &str = "echo 1..1; echo ok 1";
const FAIL: &str = "echo 1..1; echo 'not ok 1 - two is three'";

#[test]
fn a_tree_that_passes() {
    let (user, tree) =
        (User::new(), Tree::new(&[("a", PASS), ("b", PASS), ("c", "test -e made && echo 1..1 && echo ok")]));
    let outcome = user.build(tree.path(), &["--helpers", "1"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(outcome.junit.len(), 3);
    assert!(outcome.junit.values().all(|result| result == "passed"), "{:?}", outcome.junit);
}

#[test]
fn a_snapshot_is_used_again_and_said_so_until_a_file_changes() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS)]));
    let reused = |args: &[&str]| {
        let outcome = user.build(tree.path(), args);
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        outcome.named("snapshot").any(|event| event["reused"] == true)
    };
    assert!(!reused(&[]), "nothing is there yet");
    assert!(reused(&[]), "the same tree");
    assert!(!reused(&["--fresh"]), "asked to make it anew");
    tree.script("b", PASS);
    assert!(!reused(&[]), "an edited tree is another");
}

#[test]
fn what_a_build_writes_into_its_tree_makes_no_other_tree() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS)]));
    let events = tree.path().join("events.jsonl");
    let reused = || {
        let mut command = user.muster(["build", "--json", "--junit", "junit.xml", "--report", "t/report.html"]);
        command.args(["--log", "build.log"]).current_dir(tree.path());
        let status = command.stdout(std::fs::File::create(&events).unwrap()).status().unwrap();
        let told = std::fs::read_to_string(&events).unwrap();
        assert!(status.success(), "{told}");
        told.lines().any(|line| line.contains("\"event\":\"snapshot\"") && line.contains("\"reused\":true"))
    };
    assert!(!reused(), "nothing is there yet");
    assert!(tree.path().join("t/report.html").exists());
    assert!(reused(), "only what was written is new");
}

#[test]
fn a_plugin_of_another_role_is_not_replaced_by_the_built_in_rule() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS)]));
    let outcome = user.build(tree.path(), &["--policy", "history"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.stderr.contains("plugin `history` is no policy"), "{}", outcome.stderr);
    user.configure("[build]\nestimator = \"in-order\"\n");
    let checked = user.muster(["config", "check"]).arg(tree.path()).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("`[build] estimator` is wrong: plugin `in-order` is no estimator"), "{said}");
}

#[test]
fn a_snapshot_is_for_the_settings_it_was_made_with() {
    let (user, tree) = (User::new(), Tree::new(&[("a", "echo 1..1; cat made; echo ok 1")]));
    tree.replace("make = [\"touch made\"]\n", "");
    let making = |word: &str| format!("[plugins.command.settings]\nmake = ['echo \"# made as {word}\" > made']\n");
    let other = user.path("other.toml");
    std::fs::write(&other, making("two")).unwrap();
    let other = ["--config", other.to_str().unwrap()];
    let build = |made: &str, args: &[&str]| {
        let outcome = user.build(tree.path(), args);
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        let log = String::from_utf8_lossy(&outcome.log);
        assert!(log.contains(&format!("# made as {made}\n")), "{log}");
        outcome.named("snapshot").any(|event| event["reused"] == true)
    };
    user.configure(&making("one"));
    assert!(!build("one", &[]), "nothing is there yet");
    assert!(!build("two", &other), "another file of the host has another make");
    assert!(build("one", &[]) && build("two", &other), "the same settings");
    user.configure(&format!("{}env = {{ CFLAGS = '-O2' }}\n", making("one")));
    assert!(!build("one", &[]), "another environment");
    user.configure(&format!("[plugins.tap.limits]\ncall = '9s'\n{}", making("one")));
    assert!(build("one", &[]), "what the builder is not told makes no other tree");
}

#[test]
fn snapshots_that_nobody_uses_are_removed_and_said_so() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS)]));
    user.configure("[blobs]\nmax-age = \"1day\"\n");
    let passed = |outcome: Outcome| {
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        outcome
    };
    passed(user.build(tree.path(), &[]));
    let first = user.snapshots();
    assert_eq!(first.len(), 1);
    user.age_snapshots(Duration::from_secs(2 * 24 * 60 * 60));
    tree.script("b", PASS);
    let outcome = passed(user.build(tree.path(), &[]));
    let note = |event: &serde_json::Value| event["text"].as_str().unwrap().starts_with("removed 1 old snapshot");
    assert!(outcome.named("note").any(note), "{}", outcome.all());
    assert!(user.snapshots().len() == 1 && user.snapshots() != first);
    // Old, but in use.
    user.age_snapshots(Duration::from_secs(20 * 60 * 60));
    passed(user.build(tree.path(), &[]));
    user.age_snapshots(Duration::from_secs(20 * 60 * 60));
    let outcome = passed(user.build(tree.path(), &[]));
    assert!(outcome.named("snapshot").any(|event| event["reused"] == true), "{}", outcome.all());
}

#[test]
fn builders_are_listed_for_scripts_and_for_people() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS)]));
    let listed = |args: &[&str]| {
        let output = user.muster(["builders"]).arg(tree.path()).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let builders: Vec<serde_json::Value> = serde_json::from_str(&listed(&["--json"])).unwrap();
    let command = builders.iter().find(|builder| builder["name"] == "command").unwrap();
    for (member, is_right) in [
        ("host_type", command["host_type"].is_string()),
        ("helpers", command["helpers"].is_u64() || command["helpers"].is_null()),
        ("try_only", command["try_only"] == false),
        ("os", command["os"].is_string()),
        ("arch", command["arch"].is_string()),
    ] {
        assert!(is_right, "{member}: {command}");
    }
    assert!(builders.iter().any(|builder| builder["name"] == "pytest"), "{builders:?}");
    let table = listed(&[]);
    assert!(table.lines().any(|line| line.starts_with("command ") && line.contains(" local ")), "{table}");
}

#[test]
fn a_failing_test_is_named_with_its_output_and_ends_in_1() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS), ("b", FAIL)]));
    let outcome = user.build(tree.path(), &[]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert_eq!(outcome.result("t/a.t"), "passed");
    assert_eq!(outcome.result("t/b.t"), "failed");
    assert!(outcome.stderr.contains("two is three"), "{}", outcome.stderr);
    assert!(String::from_utf8_lossy(&outcome.log).contains("not ok 1 - two is three"));
}

#[test]
fn a_failing_make_ends_in_1_and_runs_nothing() {
    let user = User::new();
    let tree = Tree::with_muster(
        "[command]\nmake = ['echo no such compiler; exit 3']\nlist = 'echo a'\nrun = 'echo {tests}'\n",
    );
    let outcome = user.build(tree.path(), &[]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert!(outcome.stderr.contains("exit status 3"), "{}", outcome.stderr);
    assert!(String::from_utf8_lossy(&outcome.log).contains("no such compiler"));
}

#[test]
fn a_filter_that_matches_nothing_ends_in_2_with_the_nearest_names() {
    let (user, tree) = (User::new(), Tree::new(&[("parser_long", PASS), ("b", PASS)]));
    let outcome = user.build(tree.path(), &["--run", "parsr_long"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.stderr.contains("t/parser_long.t"), "{}", outcome.stderr);
}

#[test]
fn a_filter_picks_its_tests() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS), ("b", FAIL)]));
    let outcome = user.build(tree.path(), &["--run", "a\\.t$"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(outcome.junit.len(), 1);
}

#[test]
fn a_listing_without_tests_ends_in_3() {
    let user = User::new();
    let tree = Tree::with_muster("[command]\nlist = 'true'\nrun = 'echo {tests}'\n");
    let outcome = user.build(tree.path(), &[]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.all());
}

#[test]
fn a_duplicate_name_is_no_pass() {
    let user = User::new();
    let tree = Tree::with_muster("[command]\nlist = 'echo a; echo a'\nrun = 'echo {tests}'\n");
    let outcome = user.build(tree.path(), &[]);
    assert!(matches!(outcome.code, Some(1 | 3)), "{}", outcome.all());
    assert!(outcome.stderr.contains("two tests are called `a`"), "{}", outcome.stderr);
}

#[test]
fn a_host_key_in_a_tree_is_refused_by_name() {
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS)]));
    tree.section("[pool.local]\nbuildlets = 3");
    let outcome = user.build(tree.path(), &[]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.stderr.contains("pool") && outcome.stderr.contains("muster.toml"), "{}", outcome.stderr);
}

#[test]
fn a_tree_that_no_builder_knows_ends_in_2() {
    let user = User::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("readme"), "nothing to build").unwrap();
    let outcome = user.build(folder.path(), &[]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.stderr.contains("muster.toml"), "{}", outcome.stderr);
}

#[test]
fn what_never_ran_after_the_first_failure_is_written_as_skipped() {
    let (user, tree) = (User::new(), Tree::new(&[("a", FAIL), ("b", "sleep 30; echo 1..1; echo ok 1"), ("c", PASS)]));
    tree.set("merge = false");
    let outcome = user.build(tree.path(), &["--fail-fast", "--helpers", "0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert_eq!(outcome.result("t/a.t"), "failed");
    assert_eq!(outcome.result("t/c.t"), "skipped");
}
