//! The event stream and its documentation.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use cli::progress::{EVENTS, JsonProgress, Progress as _, event};
use cli::view::{BuildUpdate, BuildletState, PhaseEdge, TreeWay};
use engine::{AttemptId, Role, Status, VerdictKind};
use serde_json::Value;

use crate::fixture::eventful;

/// One update of each kind, and each state of a buildlet.
fn updates() -> Vec<BuildUpdate> {
    let second = Duration::from_secs(1);
    let buildlet = |state| BuildUpdate::Buildlet {
        name: "local-2".into(),
        role: Role::Helper,
        pool: "local".into(),
        pid: Some(123),
        state,
    };
    vec![
        BuildUpdate::Phase { name: "make".into(), edge: PhaseEdge::Started },
        BuildUpdate::Phase { name: "make".into(), edge: PhaseEdge::Ended { took: second } },
        buildlet(BuildletState::Starting),
        buildlet(BuildletState::SettingUp),
        buildlet(BuildletState::Idle),
        buildlet(BuildletState::Running { tests: vec!["a".into()], since: second }),
        buildlet(BuildletState::Lost { cause: "killed".into() }),
        buildlet(BuildletState::Released),
        BuildUpdate::Source { files: 1, bytes: 2, rev: "sha256:00".into() },
        BuildUpdate::Snapshot { reused: true, age: second, bytes: 3 },
        BuildUpdate::Tree { buildlet: "local-2".into(), way: TreeWay::Clone, took: second },
        BuildUpdate::Listed { tests: 4 },
        BuildUpdate::Estimates { total: second, unknown: 1 },
        BuildUpdate::TestReported {
            name: "a".into(),
            status: Status::Failed,
            duration: Some(second),
            buildlet: "local-2".into(),
        },
        BuildUpdate::TestDone {
            name: "a".into(),
            kind: VerdictKind::NotRun,
            duration: None,
            buildlet: String::new(),
            cause: "canceled".into(),
            added: false,
        },
        BuildUpdate::OrderedOutput(b"text".to_vec()),
        BuildUpdate::MachineOutput { buildlet: "local-2".into(), bytes: b"text".to_vec() },
        BuildUpdate::AttemptStarted { attempt: AttemptId(1), buildlet: "local-2".into(), tests: vec!["a".into()] },
        BuildUpdate::AttemptEnded {
            attempt: AttemptId(1),
            buildlet: "local-2".into(),
            end: "exit status 0".into(),
            took: second,
        },
        BuildUpdate::PluginFault { plugin: "p".into(), digest: "sha256:00".into(), text: "trapped".into() },
        BuildUpdate::Note("note".into()),
        BuildUpdate::Done(Box::new(eventful())),
    ]
}

fn events() -> Vec<Value> {
    updates().iter().map(|update| event(Duration::from_millis(1250), update, "text")).collect()
}

#[test]
fn every_event_and_every_member_is_documented() -> anyhow::Result<()> {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md"))?;
    let mut told = BTreeSet::new();
    for event in events() {
        let name = event["event"].as_str().map(str::to_owned).ok_or_else(|| anyhow::anyhow!("{event} has no name"))?;
        assert!(docs.contains(&format!("| `{name}` |")), "`{name}` is not documented");
        for member in event.as_object().into_iter().flat_map(|members| members.keys()) {
            assert!(docs.contains(&format!("`{member}`")), "`{member}` of `{name}` is not documented");
        }
        told.insert(name);
    }
    let known: BTreeSet<String> = EVENTS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(told, known);
    let rows = docs.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, EVENTS.len(), "something is documented that is never told");
    Ok(())
}

#[test]
fn a_letter_that_is_cut_at_the_end_is_told_before_it() -> anyhow::Result<()> {
    let mut out = Vec::new();
    let mut json = JsonProgress::new(&mut out, true);
    let machine = BuildUpdate::MachineOutput { buildlet: "local-2".into(), bytes: b"b\xe2\x82".to_vec() };
    for update in [BuildUpdate::OrderedOutput(b"a\xc3".to_vec()), machine, BuildUpdate::Done(Box::new(eventful()))] {
        json.update(Duration::ZERO, &update);
    }
    let events = String::from_utf8(out)?.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let told: Vec<_> = events.iter().map(|event| (event["event"].as_str(), event["text"].as_str())).collect();
    let (output, machine) = (Some("output"), Some("machine-output"));
    let end = Some("\u{fffd}");
    assert_eq!(told, [(output, Some("a")), (machine, Some("b")), (output, end), (machine, end), (Some("done"), None)]);
    Ok(())
}

#[test]
fn the_contract_with_scripts() {
    let lines: Vec<String> = events().iter().map(Value::to_string).collect();
    insta::assert_snapshot!(lines[..8].join("\n"), @r#"
    {"event":"phase","name":"make","state":"started","time_s":1.25}
    {"event":"phase","name":"make","state":"ended","time_s":1.25,"took_s":1.0}
    {"event":"buildlet","name":"local-2","pid":123,"pool":"local","role":"helper","state":"starting","time_s":1.25}
    {"event":"buildlet","name":"local-2","pid":123,"pool":"local","role":"helper","state":"setting-up","time_s":1.25}
    {"event":"buildlet","name":"local-2","pid":123,"pool":"local","role":"helper","state":"idle","time_s":1.25}
    {"event":"buildlet","name":"local-2","pid":123,"pool":"local","role":"helper","state":"running","tests":["a"],"time_s":1.25}
    {"cause":"killed","event":"buildlet","name":"local-2","pid":123,"pool":"local","role":"helper","state":"lost","time_s":1.25}
    {"event":"buildlet","name":"local-2","pid":123,"pool":"local","role":"helper","state":"released","time_s":1.25}
    "#);
}
