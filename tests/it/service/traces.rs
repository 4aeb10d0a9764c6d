//! Traces of builds, at a real collector, at one that is dead, silent or refuses, and after the server was killed.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use super::gated::{FAILING, Gated, TESTS};
use crate::support::otlp::{Collector, Manner, Received, Receiver};
use crate::support::server::SERVE;
use crate::support::{Server, Tree, User, until};

const PASS: &str = "echo 1..1; echo ok 1";

/// The span of a job that asks for a build.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn traced(endpoint: &str) -> String {
    format!("{SERVE}[traces]\nendpoint = \"{endpoint}\"\n")
}

/// Waits until this is one of the server's numbers.
fn counts(server: &Server<'_>, number: &str) {
    until(&format!("`{number}` is counted; the server said {}", server.said()), || {
        let text = String::from_utf8(server.get("/metrics").bytes().unwrap()).unwrap();
        text.lines().any(|line| line == number).then_some(())
    });
}

/// A tree of spans, within its first; that is part of `parent`, or of nothing.
fn assert_whole(spans: &[Received], parent: &str) -> Received {
    let roots: Vec<&Received> = spans.iter().filter(|span| span.name.starts_with("BUILD ")).collect();
    assert_eq!(roots.len(), 1, "{spans:?}");
    let root = roots[0];
    assert_eq!(root.parent, parent, "{root:?}");
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    assert_eq!(ids.len(), spans.len(), "no id is given twice: {spans:?}");
    for span in spans {
        assert_eq!(span.trace, root.trace);
        assert!(span.id == root.id || ids.contains(span.parent.as_str()), "a parent is missing: {span:?}");
        assert!(root.start <= span.start && span.start <= span.end && span.end <= root.end, "{span:?} {root:?}");
    }
    root.clone()
}

fn named<'a>(spans: &'a [Received], name: &'a str) -> impl Iterator<Item = &'a Received> {
    spans.iter().filter(move |span| span.name == name)
}

/// The coordinator is killed while the tests run, and the build ends under the next.
#[test]
fn a_build_is_one_trace_at_a_collector() {
    let receiver = Receiver::start(Manner::Answers(200));
    let Some(collector) = Collector::before(&receiver) else { return };
    let user = User::new();
    let mut server = Server::start(&user, &traced(&collector.url()));
    server.ready();
    let tree = Gated::new(&user);
    let mut submit = server.client(&["submit", tree.path().to_str().unwrap(), "--helpers", "1"]);
    let output = submit.env("TRACEPARENT", format!("00-{TRACE}-{SPAN}-01")).output().unwrap();
    let build: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    tree.open("make");
    tree.open("list");
    tree.waits_in("t1", &server);
    server.restart();
    tree.open("all");
    let ended = server.wait(build);
    assert_eq!(ended["outcome"], "failed", "{ended}");

    let spans = receiver.trace_of(build);
    let root = assert_whole(&spans, SPAN);
    assert_eq!((root.trace.as_str(), root.service.as_str()), (TRACE, "muster"));
    assert_eq!(root.error.as_deref(), Some("1 test failed"));
    assert_eq!(root.attributes["cicd.pipeline.result"], "failure", "{root:?}");
    assert_eq!(root.events, ["coordinator restarted"]);
    let (_, junit) = server.junit(build);
    assert_eq!((junit.len(), root.number("muster.tests")), (TESTS, TESTS));
    let attempts: Vec<&Received> = named(&spans, "attempt").collect();
    let told = |name: &str| attempts.iter().map(|span| span.number(name)).sum::<usize>();
    assert_eq!((told("muster.tests.passed"), told("muster.tests.failed")), (TESTS - 1, 1), "{attempts:?}");
    assert_eq!((root.number("muster.tests.passed"), root.number("muster.tests.failed")), (TESTS - 1, 1));
    let failed = attempts.iter().find(|span| span.number("muster.tests.failed") == 1).unwrap();
    assert_eq!((failed.attributes["test.case.name"].as_str(), failed.error.is_some()), (FAILING, true), "{failed:?}");
    for phase in ["queue", "acquire", "prepare", "make", "snapshot", "list", "test"] {
        assert_eq!(named(&spans, phase).count(), 1, "{phase}: {spans:?}");
    }
    assert_eq!(named(&spans, "machine").count(), ended["machines"].as_array().unwrap().len(), "{ended}");

    let small = Tree::new(&[("a", PASS)]);
    let other = server.submit(small.path(), &[]);
    server.wait(other);
    let spans = receiver.trace_of(other);
    let root = assert_whole(&spans, "");
    assert!(root.trace != TRACE && root.error.is_none(), "{root:?}");
    let unrecorded = server
        .client(&["submit", small.path().to_str().unwrap(), "--wait"])
        .env("TRACEPARENT", format!("00-{TRACE}-{SPAN}-00"))
        .output()
        .unwrap();
    assert!(unrecorded.status.success());
    counts(&server, "muster_traces_failed_total 0");
    assert_eq!(server.stop(), Some(0), "{}", server.said());
    assert_eq!(receiver.spans_of(other + 1).len(), 0, "nobody records the trace that it is part of");
}

/// What `muster doctor` finds of the traces of this server.
fn diagnosis(server: &Server<'_>, endpoint: &str) -> serde_json::Value {
    let mut doctor = server.client(&["doctor", "--json", "--state", server.state().to_str().unwrap()]);
    let output = doctor.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut findings = told["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["about"] == "traces").unwrap_or_else(|| panic!("{told}")).clone()
}

/// Nothing listens there until later.
#[test]
fn what_a_collector_that_is_away_does_not_take_waits_and_keeps_nobody_waiting() {
    let user = User::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let mut server = Server::start(&user, &traced(&endpoint));
    server.ready();
    let tree = Tree::new(&[("a", PASS)]);
    let ended = || {
        let build = server.submit(tree.path(), &["--helpers", "0"]);
        assert_eq!(server.wait(build)["outcome"], "passed");
        build
    };
    let builds = [ended(), ended(), ended()];
    until("it is said", || server.said().contains("the collector of traces takes nothing").then_some(()));
    counts(&server, "muster_traces_exported_total 0");
    counts(&server, "muster_traces_failed_total 0");
    assert_eq!(diagnosis(&server, &endpoint)["grade"], "warning");
    let receiver = Receiver::at(port, Manner::Answers(200));
    for build in builds {
        assert_whole(&receiver.trace_of(build), "");
    }
    assert!(server.said().contains("the collector of traces takes them again"), "{}", server.said());
    assert_eq!(diagnosis(&server, &endpoint)["grade"], "ok");
    // What it does not take although it takes others is given up, and keeps none of them back.
    receiver.behave(Manner::TakesNothing);
    ended();
    counts(&server, "muster_traces_failed_total 1");
    assert!(server.said().contains("the trace of a build is not sent"), "{}", server.said());
    receiver.behave(Manner::IsSilent);
    ended();
    let told = Instant::now();
    assert_eq!(server.stop(), Some(0), "{}", server.said());
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
}

/// What a silent collector does not take is sent by the life after, and only then.
#[test]
fn a_killed_server_sends_what_it_had_not() {
    let user = User::new();
    let receiver = Receiver::start(Manner::IsSilent);
    let secret = user.path("collector.auth");
    std::fs::write(&secret, "Bearer s3cret\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let configuration = traced(&receiver.url()) + "header-files = { authorization = \"collector.auth\" }\n";
    let mut server = Server::start(&user, &configuration);
    server.ready();
    let tree = Tree::new(&[("a", PASS)]);
    let first = server.submit(tree.path(), &["--helpers", "0"]);
    server.wait(first);
    until("it is asked", || (receiver.requests() > 0).then_some(()));
    let second = server.submit(tree.path(), &["--helpers", "0"]);
    assert_eq!(server.wait(second)["outcome"], "passed", "no build waits for a collector");
    server.kill();
    receiver.behave(Manner::Answers(200));
    server.begin();
    server.ready();
    for build in [first, second] {
        assert_whole(&receiver.trace_of(build), "");
    }
    assert_eq!(receiver.authorization(), "Bearer s3cret");
    counts(&server, "muster_traces_exported_total 2");

    let third = server.submit(tree.path(), &["--helpers", "0"]);
    server.wait(third);
    assert_eq!(server.stop(), Some(0), "{}", server.said());
    assert_whole(&receiver.spans_of(third), "");
    let asked = receiver.requests();
    server.begin();
    server.ready();
    // What is refused for good is given up at once; what is not taken now is sent again.
    receiver.behave(Manner::Answers(400));
    let refused = server.submit(tree.path(), &["--helpers", "0"]);
    server.wait(refused);
    counts(&server, "muster_traces_failed_total 1");
    assert_eq!(receiver.requests(), asked + 1, "and nothing comes twice that was taken");
    receiver.behave(Manner::Answers(503));
    let later = server.submit(tree.path(), &["--helpers", "0"]);
    server.wait(later);
    until("it is asked twice", || (receiver.requests() > asked + 2).then_some(()));
    counts(&server, "muster_traces_exported_total 0");
    assert!(!server.said().contains("s3cret"));
}
