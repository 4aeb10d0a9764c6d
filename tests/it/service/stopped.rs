//! A server that is told to stop and started again: nothing is lost, and nothing is done twice.

use serde_json::Value;

use super::gated::Gated;
use crate::support::server::SERVE;
use crate::support::{Server, Tree, User};

const PASS: &str = "echo 1..1; echo ok 1";

#[test]
fn a_stopped_server_goes_on_where_it_was() {
    let user = User::new();
    let mut server = Server::start(&user, &SERVE.replace("[serve]", "[serve]\nmax-builds = 1"));
    server.ready();
    let small = Tree::new(&[("a", PASS)]);
    let finished = server.submit(small.path(), &[]);
    server.wait(finished);
    let history = |server: &Server<'_>| (server.build(finished), server.log(finished), server.junit(finished).0);
    let before = history(&server);

    let tree = Gated::new(&user);
    let running = server.submit(tree.path(), &["--helpers", "1"]);
    tree.waits_in("make", &server);
    let mut waiting: Vec<u64> = (0..3).map(|_| server.submit(small.path(), &[])).collect();
    // More urgent than those before it.
    waiting.insert(0, server.submit(small.path(), &["--priority", "5"]));
    assert_queue(&server, &waiting);
    assert_eq!(server.stop(), Some(0), "{}", server.said());
    server.begin();
    server.ready();
    assert_queue(&server, &waiting);
    assert_eq!(history(&server), before);
    tree.open("all");
    let ended = server.wait(running);
    assert_eq!(ended["outcome"], "failed", "{ended}");
    tree.assert_each_begun(1);
    let ends: Vec<u64> = waiting.iter().map(|build| began_test(&server.wait(*build))).collect();
    assert!(ends.is_sorted(), "in the order of the queue: {waiting:?} {ends:?}");
    assert_eq!(history(&server), before);
    assert_eq!(server.stop(), Some(0), "{}", server.said());
    assert!(processes_of(&user).is_empty(), "it gave its machines back: {:?}", processes_of(&user));
}

/// The builds wait in this order.
fn assert_queue(server: &Server<'_>, waiting: &[u64]) {
    for (place, build) in (1..).zip(waiting) {
        let build = server.build(*build);
        assert_eq!((&build["position"], &build["phase"]), (&place.into(), &"queue".into()), "{build}");
    }
}

fn began_test(build: &Value) -> u64 {
    assert_eq!(build["outcome"], "passed", "{build}");
    let phases = build["phases"].as_array().unwrap();
    phases.iter().find(|phase| phase["phase"] == "test").unwrap()["began_ms"].as_u64().unwrap()
}

/// Processes whose arguments name this user's home: its server and the buildlets that this started.
pub(super) fn processes_of(user: &User) -> Vec<String> {
    let home = user.path("").to_str().unwrap().to_owned();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = arguments.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&home)).collect()
}
