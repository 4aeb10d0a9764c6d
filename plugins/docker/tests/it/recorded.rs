//! Answers as a Docker engine gave them, and the requests that they answered.

use std::cell::RefCell;

use docker::{Answer, Containers, Engine, Method};
use muster_sdk::Error;
use muster_sdk::pool::{MachineSpec, MachineState};
use serde_json::Value;

/// Answers in order, and remembers what it was asked.
struct Recorded {
    answers: RefCell<Vec<(u16, Vec<u8>)>>,
    asked: RefCell<Vec<(String, Vec<u8>)>>,
}

impl Recorded {
    fn new(answers: &[(u16, &[u8])]) -> Recorded {
        let answers = answers.iter().rev().map(|(status, body)| (*status, body.to_vec())).collect();
        Recorded { answers: RefCell::new(answers), asked: RefCell::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().map(|(asked, _)| asked.clone()).collect()
    }
}

impl Engine for Recorded {
    fn send(&self, method: Method, url: &str, _content_type: &str, body: Vec<u8>) -> Result<Answer, Error> {
        self.asked.borrow_mut().push((format!("{} {url}", method.name()), body));
        let (status, body) = self.answers.borrow_mut().pop().expect("an answer is left");
        Ok(Answer { status, body })
    }
}

const SETTINGS: &str =
    r#"{"url": "tcp://127.0.0.1:1", "image": "im", "memory": "64m", "cpus": 1.5, "binds": ["/s:/t:ro"]}"#;
const BASE: &str = "http://127.0.0.1:1/v1.40";

fn spec() -> MachineSpec {
    MachineSpec {
        host_type: "default".into(),
        name: "bl-1".into(),
        labels: vec![("muster.build".into(), "b1".into())],
        agent_binary: "/usr/bin/muster".into(),
        password: "secret-word".into(),
        max_life: 60,
        extra: Vec::new(),
    }
}

#[test]
fn create_brings_the_password_in_before_it_starts() {
    let engine = Recorded::new(&[(201, br#"{"Id":"c1","Warnings":[]}"#), (200, b""), (204, b"")]);
    let handle = Containers::new(&engine, SETTINGS).unwrap().create(&spec()).unwrap();
    assert_eq!(handle, "c1");
    let create = format!("POST {BASE}/containers/create?name=bl-1");
    let archive = format!("PUT {BASE}/containers/c1/archive?path=/");
    assert_eq!(engine.asked(), [create, archive, format!("POST {BASE}/containers/c1/start")]);
    let asked = engine.asked.borrow();
    assert!(!String::from_utf8_lossy(&asked[0].1).contains("secret-word"), "never by argument or environment");
    assert!(String::from_utf8_lossy(&asked[1].1).contains("secret-word"));
    let body: Value = serde_json::from_slice(&asked[0].1).unwrap();
    assert_eq!(body["HostConfig"]["NetworkMode"], "host");
    assert_eq!(body["HostConfig"]["Memory"], 64 << 20);
    assert_eq!(body["HostConfig"]["NanoCpus"], 1_500_000_000_u64);
    assert_eq!(body["HostConfig"]["Binds"], serde_json::json!(["/s:/t:ro", "/usr/bin/muster:/muster-agent:ro"]));
    assert!(body["HostConfig"].get("Ulimits").is_none());
    assert_eq!(body["Labels"]["muster.build"], "b1");
    assert_eq!(body["Entrypoint"][0], "/muster-agent");
}

#[test]
fn what_fails_to_start_is_removed_and_told_in_the_engines_words() {
    let words = br#"{"cause":"x","message":"setrlimit: Operation not permitted","response":500}"#;
    let engine = Recorded::new(&[(201, br#"{"Id":"c1"}"#), (200, b""), (500, words), (204, b"")]);
    let error = Containers::new(&engine, SETTINGS).unwrap().create(&spec()).unwrap_err();
    let expected = "start container c1: the engine answered 500: setrlimit: Operation not permitted";
    assert_eq!(error, Error::Other(expected.into()));
    assert_eq!(engine.asked().last().unwrap(), &format!("DELETE {BASE}/containers/c1?force=true&v=true"));
}

#[test]
fn an_unknown_image_is_a_wrong_setting() {
    let engine = Recorded::new(&[(404, br#"{"message":"no such image: im"}"#)]);
    let error = Containers::new(&engine, SETTINGS).unwrap().create(&spec()).unwrap_err();
    assert!(matches!(error, Error::Invalid(text) if text.ends_with("no such image: im")));
}

#[test]
fn a_container_is_described_by_what_it_does() {
    let state = |answers: &[(u16, &[u8])]| {
        let engine = Recorded::new(answers);
        Containers::new(&engine, SETTINGS).unwrap().describe("c1").unwrap().state
    };
    let running = br#"{"Name":"/bl-1","State":{"Status":"running"},"HostConfig":{"NetworkMode":"host"},"Config":{}}"#;
    let waiting = "the agent has not said where it listens";
    assert_eq!(state(&[(200, running), (404, b"{}")]), MachineState::Starting(waiting.into()));
    let dead = br#"{"Name":"bl-1","State":{"Status":"exited","ExitCode":137,"OOMKilled":true}}"#;
    let gone = MachineState::Gone("exited with status 137, out of memory; it said: bye".into());
    assert_eq!(state(&[(200, dead), (200, b"\x01\0\0\0\0\0\0\x04bye\n")]), gone);
    assert_eq!(state(&[(404, b"{}")]), MachineState::Gone("there is no such container".into()));
}

#[test]
fn listing_goes_by_labels_and_destroying_twice_is_fine() {
    let listed =
        br#"[{"Id":"c1","Names":["/bl-1"],"State":"exited","Status":"Exited (0)","Created":5,"Labels":{"a":"b"}}]"#;
    let engine = Recorded::new(&[(200, listed), (204, b""), (404, b"{}")]);
    let containers = Containers::new(&engine, SETTINGS).unwrap();
    let machines = containers.list(&[("a".into(), "b c".into())]).unwrap();
    assert_eq!((machines[0].name.as_str(), machines[0].created), ("bl-1", Some(5)));
    let filters = "%7B%22label%22%3A%5B%22muster.pool%3Ddocker%22%2C%22a%3Db%20c%22%5D%7D";
    assert_eq!(engine.asked()[0], format!("GET {BASE}/containers/json?all=1&filters={filters}"));
    containers.destroy("c1").unwrap();
    containers.destroy("c1").unwrap();
}
