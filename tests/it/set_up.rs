//! How the made tree comes to the machines that did not make it.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::buildlet::Buildlet;
use crate::support::{Live, Outcome, Tree, User};

const PASS: &str = "test -e made && echo 1..1 && echo ok 1";

/// A tree whose make waits for a file, so that helpers are there when it ends.
struct Waiting {
    user: User,
    tree: Tree,
}

impl Waiting {
    fn new() -> Waiting {
        let (user, tree) = (User::new(), Tree::with_muster(""));
        let go = user.path("go");
        let muster = format!(
            r##"
[command]
make = ["while [ ! -e {} ]; do sleep 0.05; done; ln -s made link; touch made"]
list = "ls t/*.t"
run = 'for t in {{tests}}; do echo "# muster-test: $t"; sh "$t" || bad=1; done; exit ${{bad:-0}}'
parser = "tap"
"##,
            go.display()
        );
        std::fs::write(tree.path().join("muster.toml"), muster).unwrap();
        for number in 0..12 {
            tree.script(&format!("t{number:02}"), &format!("sleep 0.2; test -L link && {PASS}"));
        }
        // The first build teaches how long the make takes: then helpers are asked for at its beginning.
        std::fs::write(&go, "").unwrap();
        let outcome = user.build(tree.path(), &["--helpers", "0"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        std::fs::remove_file(go).unwrap();
        Waiting { user, tree }
    }

    /// Builds with two helpers; `prepare` is called with each helper's process before the make ends.
    fn build(&self, mut prepare: impl FnMut(usize, u32)) -> Outcome {
        let mut live = Live::start(self.user.build_command(self.tree.path(), &["--helpers", "2", "--fresh"]));
        for number in 0..2 {
            let event = live.wait_for("a helper waits", |event| {
                event["event"] == "buildlet" && event["role"] == "helper" && event["state"] == "idle"
            });
            prepare(number, u32::try_from(event["pid"].as_u64().unwrap()).unwrap());
        }
        std::fs::write(self.user.path("go"), "").unwrap();
        live.finish(&self.user)
    }
}

fn passed(outcome: &Outcome, count: usize) {
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(outcome.junit.len(), count, "{}", outcome.all());
    assert!(outcome.junit.values().all(|result| result == "passed"), "{}", outcome.all());
}

/// How the tree came to each machine.
fn ways(outcome: &Outcome) -> Vec<&str> {
    let mut ways: Vec<&str> = outcome.named("tree").map(|event| event["way"].as_str().unwrap()).collect();
    ways.sort_unstable();
    ways
}

#[test]
fn local_helpers_come_up_by_a_clone() {
    let waiting = Waiting::new();
    let outcome = waiting.build(|_, _| {});
    passed(&outcome, 12);
    assert_eq!(ways(&outcome), ["clone", "clone"], "{}", outcome.all());
}

#[test]
fn a_helper_whose_clone_fails_gets_the_archive() {
    let waiting = Waiting::new();
    let mut work_dir = PathBuf::new();
    let outcome = waiting.build(|number, pid| {
        if number == 0 {
            work_dir = work_dir_of(pid);
            std::fs::create_dir_all(work_dir.join("tree/t")).unwrap();
            std::fs::write(work_dir.join("tree/t/in-the-way.t"), "exit 1").unwrap();
        }
    });
    passed(&outcome, 12);
    assert_eq!(outcome.named("tree").filter(|event| event["way"] == "clone").count(), 1, "{}", outcome.all());
    assert_eq!(outcome.named("tree").count(), 2, "{}", outcome.all());
    let said = |event: &Value| event["text"].as_str().unwrap().contains("the tree was not cloned");
    assert_eq!(outcome.named("note").filter(|event| said(event)).count(), 1, "{}", outcome.all());
}

/// The work directory an agent was started with.
fn work_dir_of(pid: u32) -> PathBuf {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let mut args = line.split(|byte| *byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned());
    args.find(|arg| arg == "--work-dir").unwrap();
    PathBuf::from(args.next().unwrap())
}

/// A machine that says nothing of Muster's additions, as Go's buildlet does.
fn plain(user: &User, name: &str) -> Buildlet {
    Buildlet::start_with(user, &user.path(name), &["--no-additions"])
}

fn plain_tree() -> Tree {
    let tree = Tree::new(&[]);
    for number in 0..12 {
        tree.script(&format!("t{number:02}"), &format!("sleep 0.2; {PASS}"));
    }
    tree
}

/// The ends of the names of what is kept of snapshots.
fn stored(user: &User) -> Vec<String> {
    let mut ends: Vec<String> =
        user.snapshots().iter().map(|name| name.split_once('.').unwrap().1.to_owned()).collect();
    ends.sort_unstable();
    ends
}

#[test]
fn machines_that_know_no_additions_build_and_test() {
    let (user, tree) = (User::new(), plain_tree());
    let agents: Vec<Buildlet> = ["a", "b", "c"].iter().map(|name| plain(&user, name)).collect();
    let urls: Vec<&str> = agents.iter().flat_map(|agent| ["--buildlet", agent.url()]).collect();
    let outcome = user.build(tree.path(), &urls);
    passed(&outcome, 12);
    assert_eq!(stored(&user), ["tar.gz"]);
}

#[test]
fn machines_that_know_no_additions_get_a_snapshot_that_is_packed_otherwise() {
    let (user, tree) = (User::new(), plain_tree());
    let muster = Buildlet::start(&user, &user.path("a"));
    let plain = ["b", "c"].map(|name| plain(&user, name));
    let urls = ["--buildlet", muster.url(), "--buildlet", plain[0].url(), "--buildlet", plain[1].url()];
    let outcome = user.build(tree.path(), &urls);
    passed(&outcome, 12);
    assert_eq!(ways(&outcome), ["store", "store"], "{}", outcome.all());
    assert_eq!(stored(&user), ["repacked.tar.gz", "tar.zst"]);
    // The snapshot is there, and now the machine that would have made it takes only gzip.
    let outcome = user.build(tree.path(), &urls[2..]);
    passed(&outcome, 12);
    assert!(outcome.named("snapshot").any(|event| event["reused"] == true), "{}", outcome.all());
    assert_eq!(stored(&user), ["repacked.tar.gz", "tar.zst"]);
}
