//! A full disk on any side: an exec failure with its cause, nothing committed half, never a test failure.

use crate::support::buildlet::Buildlet;
use crate::support::disk::SmallDisk;
use crate::support::{Outcome, Tree, User};

const PASS: &str = "echo 1..1; echo ok 1";
/// Eight MiB that no compression makes smaller.
const FILL: &str = "head -c 8388608 /dev/urandom > big";

/// The build could not be finished, says that a disk is full, and blames no test.
fn is_errored_by_a_full_disk(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(3), "{}", outcome.all());
    assert!(outcome.stderr.contains("disk full") || outcome.stderr.contains("disk is full"), "{}", outcome.all());
    assert!(!outcome.junit.values().any(|result| result == "failed"), "{:?}", outcome.junit);
    let done = outcome.named("done").next().unwrap();
    assert_eq!(done["outcome"], "errored", "{done}");
}

/// A tree whose make leaves eight MiB.
fn large_when_made() -> Tree {
    let tree = Tree::new(&[("a", PASS), ("b", PASS)]);
    tree.replace("make = [\"touch made\"]", &format!("make = [\"touch made\", \"{FILL}\"]"));
    tree
}

#[test]
fn main_has_no_room_for_the_source() {
    let Some(disk) = SmallDisk::mount(4 << 10) else { return };
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS)]));
    std::fs::write(tree.path().join("big"), vec![1; 8 << 20]).unwrap();
    let main = Buildlet::start(&user, &disk.path().join("work"));
    let outcome = user.build(tree.path(), &["--buildlet", main.url()]);
    is_errored_by_a_full_disk(&outcome);
    let left: Vec<_> = disk.files().into_iter().filter(|file| file.ends_with("big")).collect();
    assert!(left.is_empty(), "a partial tree is wiped: {left:?}");
}

#[test]
fn main_has_no_room_to_make() {
    let Some(disk) = SmallDisk::mount(4 << 10) else { return };
    let (user, tree) = (User::new(), large_when_made());
    let main = Buildlet::start(&user, &disk.path().join("work"));
    let outcome = user.build(tree.path(), &["--buildlet", main.url()]);
    is_errored_by_a_full_disk(&outcome);
    assert!(outcome.stderr.contains("make"), "what could not be done: {}", outcome.stderr);
}

#[test]
fn a_helper_has_no_room_for_the_tree() {
    let Some(disk) = SmallDisk::mount(4 << 10) else { return };
    let (user, tree) = (User::new(), large_when_made());
    let main = Buildlet::start(&user, &user.path("main"));
    let helper = Buildlet::start(&user, &disk.path().join("work"));
    let outcome = user.build(tree.path(), &["--buildlet", main.url(), "--buildlet", helper.url(), "--helpers", "1"]);
    assert_eq!(outcome.code, Some(0), "main has room: {}", outcome.all());
    assert!(outcome.junit.values().all(|result| result == "passed"), "{:?}", outcome.junit);
    let cause =
        outcome.named("buildlet").find(|event| event["state"] == "lost").unwrap_or_else(|| panic!("{}", outcome.all()));
    assert!(cause["cause"].as_str().unwrap().contains("disk full"), "{cause}");
    assert!(outcome.stderr.contains("disk full"), "{}", outcome.stderr);
}

#[test]
fn a_test_finds_the_disk_of_a_helper_full() {
    let Some(disk) = SmallDisk::mount(4 << 10) else { return };
    let (user, tree) = (User::new(), Tree::new(&[]));
    let body = format!("sleep 0.2; {FILL}.$$ && rm big.$$ && echo 1..1 && echo ok 1 || {{ echo not ok 1; exit 1; }}");
    for number in 0..8 {
        tree.script(&format!("t{number}"), &body);
    }
    let main = Buildlet::start(&user, &user.path("main"));
    let helper = Buildlet::start(&user, &disk.path().join("work"));
    let outcome = user.build(tree.path(), &["--buildlet", main.url(), "--buildlet", helper.url(), "--helpers", "1"]);
    assert_eq!(outcome.code, Some(0), "main has room for each: {}", outcome.all());
    assert!(outcome.junit.values().all(|result| result == "passed") && outcome.junit.len() == 8, "{}", outcome.all());
    assert!(outcome.stderr.contains("disk full"), "{}", outcome.stderr);
}

#[test]
fn the_store_of_snapshots_has_no_room() {
    let Some(disk) = SmallDisk::mount(4 << 10) else { return };
    let (user, tree) = (User::new(), large_when_made());
    user.configure(&format!("[blobs]\nurl = \"file://{}\"\n", disk.path().display()));
    let outcome = user.build(tree.path(), &["--helpers", "1"]);
    is_errored_by_a_full_disk(&outcome);
    assert_eq!(disk.files(), [] as [std::path::PathBuf; 0], "nothing is committed, whole or half");
    disk.grow(64 << 10);
    let outcome = user.build(tree.path(), &["--helpers", "1"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert!(outcome.named("snapshot").all(|event| event["reused"] == false), "{}", outcome.all());
}

#[test]
fn the_database_has_no_room() {
    let Some(disk) = SmallDisk::mount(1 << 10) else { return };
    let (user, tree) = (User::new(), Tree::with_muster(&many_tests(20_000)));
    user.configure(&format!("[store]\nurl = \"sqlite://{}/muster.sqlite\"\n", disk.path().display()));
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    is_errored_by_a_full_disk(&outcome);
    assert!(outcome.stderr.contains("trying again error=\"commit records: "), "the cause is told: {}", outcome.stderr);
    let not_run = outcome.junit.values().filter(|result| *result == "skipped").count();
    assert_eq!(not_run, 20_000, "every listed test is written, though the list could not be kept");
    disk.grow(256 << 10);
    std::fs::write(tree.path().join("muster.toml"), many_tests(3)).unwrap();
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(0), "with room it goes on: {}", outcome.all());
    assert_eq!(outcome.junit.len(), 3);
}

fn many_tests(count: u32) -> String {
    format!("[command]\nlist = 'seq -f test-with-a-long-name-%06.0f {count}'\nrun = 'true {{tests}}'\n")
}

#[test]
fn output_that_cannot_be_kept_is_no_test_failure() {
    let Some(disk) = SmallDisk::mount(2 << 10) else { return };
    let loud = "head -c 8388608 /dev/zero | tr '\\0' x; echo; echo 1..1; echo ok 1";
    let (user, tree) = (User::new(), Tree::new(&[("a", PASS), ("b", loud)]));
    let state = user.path("state");
    std::fs::create_dir_all(&state).unwrap();
    std::os::unix::fs::symlink(disk.path(), state.join("output")).unwrap();
    let outcome = user.build(tree.path(), &["--helpers", "0", "--state", state.to_str().unwrap()]);
    is_errored_by_a_full_disk(&outcome);
    assert_eq!(outcome.result("t/a.t"), "passed");
    assert_eq!(outcome.result("t/b.t"), "error", "lost, with the cause");
}
