//! The thin thread through all of it: a server, its clients, and builds that come out as those of `muster build` do.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::gated::Gated;
use crate::support::http::{self, Question};
use crate::support::live::signal;
use crate::support::server::SERVE;
use crate::support::{Server, Tree, User, assert_same, junit, until};

const PASS: &str = "echo 1..1; echo ok 1";
const FAIL: &str = "echo 1..1; echo 'not ok 1 - two is three'";

/// What is there to see of a build by `muster serve --dev` and the commands that scripts use.
#[test]
fn a_submitted_build_is_what_muster_build_makes_of_it() {
    let user = User::new();
    let mut server = Server::with_arguments(&user, "serve", vec!["--dev".into()]);
    server.begin();
    server.ready();
    let tree = Tree::new(&[("a", PASS), ("b", FAIL), ("c", "test -e made && echo 1..1 && echo 'ok 1 # skip no'")]);
    tree.set("merge = false");
    let own = user.build(tree.path(), &["--helpers", "1"]);

    let id = server.submit(tree.path(), &["--helpers", "1"]);
    let build = server.wait(id);
    assert_eq!(build["outcome"], "failed", "{build}");
    let status = server.asked(&["status", &id.to_string()]);
    assert_eq!(status["outcome"], "failed", "{status}");
    assert_eq!(server.junit(id).1, own.junit);
    assert_same("the log", &server.log(id), &String::from_utf8_lossy(&own.log));
    let log = server.client(&["logs", "--follow", &id.to_string()]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&log.stdout), server.log(id));

    let again = server.submit(tree.path(), &["--helpers", "1"]);
    let reused = server.wait(again);
    assert_eq!((&build["reused_snapshot"], &reused["reused_snapshot"]), (&false.into(), &true.into()), "{reused}");
    assert_eq!(server.junit(again).1, own.junit);
}

/// The log here, the files here, and the exit codes of `muster build`.
#[test]
fn a_submit_that_waits_is_a_step_of_a_job() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let tree = Tree::new(&[("a", PASS)]);
    let files = ["junit.xml", "report.html", "ordered.log"].map(|name| user.path(name).to_str().unwrap().to_owned());
    let wait = |options: &[&str]| {
        let mut command = server.client(&["submit", tree.path().to_str().unwrap(), "--wait"]);
        command.args(["--junit", &files[0], "--report", &files[1], "--log", &files[2]]);
        let output = command.args(options).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, log, told) = wait(&[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(log.contains("ok 1"), "{log}");
    assert_eq!(std::fs::read_to_string(&files[2]).unwrap(), log);
    assert_eq!(junit::read(files[0].as_ref()).values().collect::<Vec<_>>(), ["passed"]);
    assert!(std::fs::read_to_string(&files[1]).unwrap().contains("t/a.t"));
    let (code, _, told) = wait(&["--run", "no-such-test"]);
    assert_eq!(code, Some(2), "{told}");
    let (code, _, told) = wait(&["--run", "("]);
    assert_eq!(code, Some(2), "{told}");
    tree.script("b", FAIL);
    let (code, log, told) = wait(&[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(log.contains("two is three") && told.contains("t/b.t"), "{log}{told}");
    tree.replace("list = \"ls t/*.t\"", "list = 'true'");
    let (code, _, told) = wait(&[]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("the listing has no test in it"), "{told}");
}

#[test]
fn an_interrupted_submit_cancels_its_build() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let tree = Gated::new(&user);
    let mut command = server.client(&["submit", tree.path().to_str().unwrap(), "--wait"]);
    let mut client = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tree.waits_in("make", &server);
    signal(client.id(), Signal::INT);
    let status = until("the client ends", || client.try_wait().unwrap());
    assert_eq!(status.code(), Some(130));
    assert_eq!(server.wait(newest(&server))["outcome"], "canceled");
}

/// A client that waits is not disturbed by a server that comes back.
#[test]
fn a_submit_that_waits_outlives_the_server() {
    let user = User::new();
    let mut server = Server::start(&user, SERVE);
    server.ready();
    let tree = Gated::new(&user);
    let mut command = server.client(&["submit", tree.path().to_str().unwrap(), "--wait"]);
    let client = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tree.waits_in("make", &server);
    server.restart();
    tree.open("all");
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_same("the log", &String::from_utf8_lossy(&output.stdout), &server.log(newest(&server)));
}

#[test]
fn what_is_sent_twice_is_built_once() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let (tree, other) = (Tree::new(&[("a", PASS)]), Tree::new(&[("b", PASS)]));
    let id = server.submit(tree.path(), &["--idempotency-key", "job-17"]);
    assert_eq!(server.submit(tree.path(), &["--idempotency-key", "job-17"]), id);
    server.wait(id);
    assert_eq!(server.submit(tree.path(), &["--idempotency-key", "job-17"]), id);
    let mut reused = server.client(&["submit", other.path().to_str().unwrap(), "--idempotency-key", "job-17"]);
    let output = reused.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("idempotency key"), "{told}");
    assert_ne!(server.submit(tree.path(), &["--idempotency-key", "job-18"]), id);
}

#[test]
fn a_build_is_canceled_and_tried_again() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let tree = Gated::new(&user);
    let id = server.submit(tree.path(), &[]).to_string();
    tree.waits_in("make", &server);
    server.asked(&["cancel", &id, "--reason", "changed my mind"]);
    let canceled = server.wait(id.parse().unwrap());
    assert_eq!(canceled["outcome"], "canceled", "{canceled}");
    assert!(canceled["cause"].as_str().unwrap().contains("changed my mind"), "{canceled}");
    tree.open("all");
    let again = server.asked(&["retry", &id])["id"].as_u64().unwrap();
    let ended = server.wait(again);
    assert_eq!(ended["outcome"], "failed", "{ended}");
    assert_eq!(ended["submission"]["retry_of"].to_string(), id);
}

#[test]
fn nobody_is_served_without_a_token() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let asked = |token: &str| {
        let answer = http::ask(server.address(), Question::get("/api/v1/builds", token)).unwrap();
        let status = answer.status;
        (status, serde_json::from_slice::<Value>(&answer.bytes().unwrap()).unwrap()["type"].clone())
    };
    assert_eq!(asked(""), (401, "urn:muster:token-missing".into()));
    assert_eq!(asked("muster_wrong"), (401, "urn:muster:token-unknown".into()));
    assert_eq!(http::ask(server.address(), Question::get("/readyz", "")).unwrap().status, 200);
    let tree = Tree::new(&[("a", PASS)]);
    let stranger = User::new();
    let mut command = stranger.muster(["submit", tree.path().to_str().unwrap(), "--server", &server.url()]);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("token"), "{told}");
    let made = server.asked(&["tokens", "create", "reader"]);
    let mut reader = stranger.muster(["submit", tree.path().to_str().unwrap(), "--server", &server.url()]);
    let output = reader.env("MUSTER_TOKEN", made["token"].as_str().unwrap()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("submit"), "{told}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&server.state().join("token").metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn many_builds_at_once_all_end() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let trees = [("passed", PASS), ("failed", FAIL)].map(|(outcome, body)| (outcome, Tree::new(&[("a", body)])));
    let submit = |(outcome, tree): &(&'static str, Tree)| -> Vec<(&'static str, u64)> {
        (0..10).map(|_| (*outcome, server.submit(tree.path(), &["--helpers", "0"]))).collect()
    };
    let submitted: Vec<(&str, u64)> = std::thread::scope(|scope| {
        let both = trees.each_ref().map(|tree| scope.spawn(|| submit(tree)));
        both.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    for (outcome, id) in submitted {
        let build = server.wait(id);
        assert_eq!(build["outcome"], outcome, "{build}");
        assert_eq!(server.junit(id).1.len(), 1);
    }
    let page = server.json("/api/v1/builds?limit=7");
    let before = page["next"].as_u64().unwrap();
    let next = server.json(&format!("/api/v1/builds?limit=7&before={before}"));
    let numbers = |page: &Value| -> Vec<u64> {
        page["builds"].as_array().unwrap().iter().map(|build| build["id"].as_u64().unwrap()).collect()
    };
    assert!(numbers(&page).iter().min() > numbers(&next).iter().max(), "{page} {next}");
}

/// The machines of a build as their pool knows them, and what they printed as one text.
#[test]
fn machines_are_seen_in_their_pool_while_they_serve() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let before = server.json("/api/v1/pools");
    assert_eq!(
        (&before["pools"][0]["name"], &before["pools"][0]["unused"]),
        (&"local".into(), &true.into()),
        "{before}"
    );
    let tree = Gated::new(&user);
    let id = server.submit(tree.path(), &["--helpers", "1"]);
    tree.waits_in("make", &server);
    let machines = || server.json("/api/v1/pools")["pools"][0]["machines"].as_array().unwrap().clone();
    let main = until("the main buildlet is held", || {
        machines().into_iter().find(|machine| machine["phase"] == "make" && machine["state"] == "held")
    });
    let lease = main["lease"].as_u64().unwrap();
    assert_eq!(main["build"], id, "{main}");
    assert!(main["since_ms"].as_u64().is_some_and(|since| since > 1_700_000_000_000), "{main}");
    tree.open("make");
    tree.open("list");
    tree.waits_in("t1", &server);
    until("an attempt is seen", || machines().into_iter().find(|machine| machine["running"].is_u64()));
    let index = server.text("/index.txt");
    assert!(index.contains(&format!("#{id} test, runs a")), "{index}");
    tree.open("all");
    server.wait(id);
    until("the machines are gone", || machines().is_empty().then_some(()));
    let log = server.text(&format!("/api/v1/builds/{id}/machines/{lease}/log"));
    let headings: Vec<&str> = log.lines().filter(|line| line.starts_with("=== ")).collect();
    assert!(headings[1].starts_with(&format!("=== make-l{lease}-0: step 1 of making")), "{headings:?}");
    // A listing that was understood is no output; attempts come next.
    assert!(headings[2].starts_with("=== a") && headings[2].contains(": t/"), "{headings:?}");
    assert!(headings.len() > 3 && log.contains("making 500") && log.contains("# muster-test: t/"), "{log}");
}

/// What a script follows ends with what it follows.
#[test]
fn a_stream_that_is_complete_is_followed_to_its_end_only() {
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    let tree = Gated::new(&user);
    let submitted = server.client(&["submit", tree.path().to_str().unwrap(), "--json"]).output().unwrap();
    let submitted: Value = serde_json::from_slice(&submitted.stdout).unwrap();
    let id = submitted["id"].as_u64().unwrap();
    assert_eq!(submitted["page"], format!("{}/builds/{id}", server.url()));
    tree.waits_in("make", &server);
    tree.open("make");
    tree.waits_in("list", &server);
    let streams = server.json(&format!("/api/v1/builds/{id}/logs"));
    let names = streams["streams"].as_array().unwrap().iter().map(|stream| stream["name"].as_str().unwrap());
    let made = names.into_iter().find(|name| name.starts_with("make-")).unwrap();
    let follow = ["logs", "--follow", "--stream", made, "--json", &id.to_string()];
    let mut client = server.client(&follow).stdout(Stdio::piped()).spawn().unwrap();
    // The build goes on meanwhile.
    let status = until("the client ends", || client.try_wait().unwrap());
    assert!(status.success());
    let output = client.wait_with_output().unwrap();
    let pieces = String::from_utf8(output.stdout).unwrap();
    let text = |piece: &str| serde_json::from_str::<Value>(piece).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(pieces.lines().map(text).collect::<String>().ends_with("making 500\nmade\n"), "{pieces}");
    tree.open("all");
    server.wait(id);
}

fn newest(server: &Server<'_>) -> u64 {
    server.json("/api/v1/builds?limit=1")["builds"][0]["id"].as_u64().unwrap()
}
