//! Go's own tree, as Debian has it: made once, and its dist tests run on three machines, by themselves and side by side
//! with `go tool dist test`.
//!
//! One package is made to fail by a source file: whatever runs it finds that, and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::losses::{assert_only_the_machine_was_lost, pid_of_helper};
use crate::support::{Live, Outcome, User, live, skip};

/// The sources, and a toolchain to make them with.
const SOURCES: &str = "/usr/share/go-1.19";
const TOOLCHAIN: &str = "/usr/lib/go-1.19";
/// The tests that pass: all packages of eleven folders but the broken one, and three that are no package's.
const PASSING: &str = "^(go_test:(archive|bufio|bytes|container/(heap|list)|encoding|errors|hash|sort|strings|text|unicode)\
                       (/.*)?|osusergo|sync_cpu|moved_goroot)$";
/// Enough for three machines: one of them takes the packages, and the others what is no package's.
const SPREAD: &str = "^(go_test:(encoding|text|unicode)(/.*)?|osusergo|sync_cpu)$";
/// The broken package, and what stands beside it.
const CONTAINERS: &str = "^go_test:container/";
/// The file that breaks it, and how.
const BROKEN: (&str, &str, &str) = ("src/container/ring/ring.go", "\t\t\tn++\n", "\t\t\tn += 2\n");

#[test]
fn go_is_made_once_and_its_tests_are_what_dist_says() {
    let Some(tree) = Tree::copy() else { return };
    let user = User::new();
    user.configure(&format!("[plugins.go-dist.settings]\nbootstrap = \"{TOOLCHAIN}\"\n"));
    let passed = user.build(&tree.path, &["--helpers", "2", "--run", PASSING]);
    assert_eq!(passed.code, Some(0), "{}", passed.all());
    assert_headings(&passed);
    let helped = passed.named("attempt-started").filter(|event| event["buildlet"] != "local-1").count();
    assert!(helped > 0, "helpers ran tests: {}", passed.all());

    let failed = user.build(&tree.path, &["--helpers", "2", "--run", CONTAINERS]);
    assert_was_not_made(&failed);
    assert_only_the_broken_package_failed(&failed);

    let both = passed.junit.iter().chain(&failed.junit).map(|((_, name), result)| (name.clone(), result.clone()));
    let both: BTreeMap<String, String> = both.collect();
    assert_eq!(both, dist(&tree, &snapshot(&user), both.keys()), "by muster, and by `go tool dist test`");

    a_killed_helper_costs_no_test(&user, &tree);
}

fn a_killed_helper_costs_no_test(user: &User, tree: &Tree) {
    let mut live = Live::start(user.build_command(&tree.path, &["--helpers", "2", "--run", SPREAD]));
    let event = live.wait_for("a helper ran", |event| pid_of_helper(event).is_some());
    live::signal(pid_of_helper(&event).unwrap(), Signal::KILL);
    let outcome = live.finish(user);
    assert_was_not_made(&outcome);
    assert_only_the_machine_was_lost(&outcome, event["name"].as_str().unwrap(), outcome.junit.len());
}

/// A copy of the sources.
struct Tree {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Tree {
    /// The copy, with its broken file; why there is none, where Go is not installed.
    fn copy() -> Option<Tree> {
        if !Path::new(SOURCES).join("src/make.bash").exists() || !Path::new(TOOLCHAIN).join("bin/go").exists() {
            skip("Go is not installed (`apt-get install golang-1.19-go golang-1.19-src`)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("go");
        let copied = Command::new("cp").arg("-rL").arg(SOURCES).arg(&path).status().unwrap();
        assert!(copied.success());
        let (file, right, wrong) = BROKEN;
        let text = std::fs::read_to_string(path.join(file)).unwrap();
        assert_eq!(text.matches(right).count(), 1);
        std::fs::write(path.join(file), text.replace(right, wrong)).unwrap();
        Some(Tree { folder, path })
    }
}

/// The one made tree that is kept.
fn snapshot(user: &User) -> PathBuf {
    let files = user.snapshot_files();
    assert_eq!(files.len(), 1, "made once: {files:?}");
    files[0].clone()
}

fn assert_was_not_made(outcome: &Outcome) {
    let reused = outcome.named("snapshot").any(|event| event["reused"] == true);
    let made = outcome.named("phase").any(|event| event["name"] == "make");
    assert!(reused && !made, "{}", outcome.all());
}

/// Each heading stands once in the log, in the order of the list.
fn assert_headings(outcome: &Outcome) {
    let log = String::from_utf8_lossy(&outcome.log).into_owned();
    let headings: Vec<&str> = log.lines().filter(|line| line.starts_with("##### ")).collect();
    let expected = [
        "##### Test execution environment.",
        "##### Testing packages.",
        "##### os/user with tag osusergo",
        "##### moved GOROOT",
        "##### sync -cpu=10",
    ];
    assert_eq!(headings, expected, "{log}");
    assert!(log.contains("\n##### Test execution environment.\n# GOARCH: amd64\n# CPU: "), "{log}");
    assert!(!log.contains("XXXBANNERXXX") && !log.contains("ALL TESTS PASSED"), "{log}");
}

fn assert_only_the_broken_package_failed(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    let results: Vec<_> = outcome.junit.iter().map(|((_, name), result)| (name.as_str(), result.as_str())).collect();
    let expected = [
        ("go_test:container/heap", "passed"),
        ("go_test:container/list", "passed"),
        ("go_test:container/ring", "failed"),
    ];
    assert_eq!(results, expected);
    let verdict = outcome.named("test").find(|event| event["name"] == "go_test:container/ring").unwrap();
    let cause = verdict["cause"].as_str().unwrap();
    let output = "\n--- FAIL: TestNew (0.00s)\n    ring_test.go:30: r.Len() == 3; expected 2\n";
    assert!(cause.starts_with("TestNew, TestLink1, ") && cause.contains(output), "{cause}");
}

/// What the made tree's own runner says of these tests, run beside it.
fn dist<'a>(tree: &Tree, snapshot: &Path, names: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
    let goroot = tree.folder.path().join("made");
    std::fs::create_dir(&goroot).unwrap();
    let unpacked = Command::new("tar").arg("-xf").arg(snapshot).arg("-C").arg(&goroot).status().unwrap();
    assert!(unpacked.success());
    let go = goroot.join("bin/go");
    let mut results = BTreeMap::new();
    let (packages, others): (Vec<&String>, Vec<&String>) = names.partition(|name| name.starts_with("go_test:"));
    let run = |names: &[&String]| {
        let mut command = Command::new(&go);
        command.args(["tool", "dist", "test"]).args(names).env("GOROOT", &goroot);
        // As a builder's: nothing is made anew first. The tree was made for one place and stands in another.
        command.env("GO_BUILDER_NAME", "linux-amd64").env("GOROOT_FINAL", "/usr/local/go");
        command.output().unwrap()
    };
    let output = run(&packages);
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Some((word, rest)) = line.split_once('\t') else { continue };
        let package = rest.split('\t').next().unwrap();
        match word.trim_end() {
            "ok" => results.insert(format!("go_test:{package}"), "passed".to_owned()),
            "FAIL" => results.insert(format!("go_test:{package}"), "failed".to_owned()),
            _ => None,
        };
    }
    for name in others {
        let word = if run(&[name]).status.success() { "passed" } else { "failed" };
        results.insert(name.clone(), word.to_owned());
    }
    results
}
