//! What a policy may answer: what was wrong when it was asked is a fault, what became stale is dropped.

use engine::policy::{Action, Decision};
use engine::{Answer, BuildSpec, Decided, Event, Fact, OpId, PluginRef, Task, Test};

use crate::drive::{Drive, spec, test};

fn plugin() -> PluginRef {
    PluginRef { name: "clever".into(), digest: "sha256:11".into() }
}

/// Tests `0 a`, `1 b` of one key, `2 other` of another, `3 u1` and `5 u2` of one unit, `4 lone` of no key, and `6 gpu`.
fn tests() -> Vec<Test> {
    let unit = |name| Test { unit: Some("u".into()), ..test(name) };
    vec![
        test("a"),
        test("b"),
        Test { merge_key: Some("else".into()), ..test("other") },
        unit("u1"),
        Test { merge_key: None, ..test("lone") },
        unit("u2"),
        Test { alone: Some("gpu".into()), ..test("gpu") },
    ]
}

/// A build at its first question, and the worker that is idle.
fn asked() -> (Drive, OpId, u32) {
    let mut drive = Drive::new(1, tests());
    let plugins = vec![("policy".to_owned(), plugin())];
    drive.tell(Event::BuildSubmitted(Box::new(BuildSpec { plugins, ..spec(1) })));
    while drive.go_on(|task| matches!(task, Task::Decide(_))) {}
    let (op, worker) = question(&drive).expect("the tests wait for a decision");
    (drive, op, worker)
}

fn question(drive: &Drive) -> Option<(OpId, u32)> {
    drive.awaited.iter().find_map(|(op, (_, task))| match task {
        Task::Decide(task) => Some((*op, task.idle[0])),
        _ => None,
    })
}

/// What becomes of an answer to the first question: what is recorded next.
fn after(actions: impl FnOnce(u32) -> Vec<Action>) -> String {
    let (mut drive, op, worker) = asked();
    let known = drive.records.len();
    let decision = Decision { actions: actions(worker), wake_at: None, note: String::new() };
    drive.awaited.remove(&op);
    drive.tell(Event::Answered { op, answer: Answer::Decided(Ok(Decided { decision, by: plugin() })) });
    let said = drive.records[known..].iter().map(|record| match &record.fact {
        Fact::PluginFaulted { role, plugin, fault } => format!("{role} {} {}: {fault}", plugin.name, plugin.digest),
        Fact::Decided { by, actions, .. } => format!("{} decides {} actions", by.name, actions.len()),
        Fact::AttemptStarted { tests, .. } => format!("{} tests start", tests.len()),
        Fact::LeaseEnded { .. } => "a machine is let go".into(),
        other => format!("{other:?}"),
    });
    let mut said: Vec<String> = said.collect();
    if question(&drive).is_some() {
        said.push("asked again".into());
    }
    said.join("; ")
}

fn start(tests: &[u32]) -> impl FnOnce(u32) -> Vec<Action> {
    let tests = tests.to_vec();
    move |worker| vec![Action::Start { worker, tests }]
}

#[test]
fn what_is_allowed_takes_effect() {
    insta::assert_snapshot!(after(start(&[0, 1])), @"clever decides 1 actions; 2 tests start");
    insta::assert_snapshot!(after(start(&[3, 5])), @"clever decides 1 actions; 2 tests start");
    insta::assert_snapshot!(after(start(&[6])), @"clever decides 1 actions; 1 tests start");
}

#[test]
fn what_names_something_wrong_is_a_fault_and_the_built_in_rule_decides() {
    let said = [
        after(start(&[99])),
        after(start(&[])),
        after(start(&[0, 0])),
        after(|worker| vec![Action::Start { worker: worker + 1, tests: vec![0] }]),
        after(|worker| vec![Action::Start { worker, tests: vec![0] }, Action::Start { worker, tests: vec![1] }]),
        after(|worker| vec![Action::Duplicate { worker, test: 99 }]),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    policy clever sha256:11: gave an answer that is not allowed: there is no test 99; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: a group without a test; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: test `a` is started twice; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: worker 2 was not idle; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: worker 1 was not idle; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: there is no test 99; built-in decides 1 actions; 2 tests start
    ");
}

#[test]
fn groups_that_may_not_be_are_faults() {
    let said = [
        after(start(&[0, 2])),
        after(start(&[0, 4])),
        after(start(&[0, 6])),
        after(start(&[3])),
        after(start(&[5, 3])),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    policy clever sha256:11: gave an answer that is not allowed: tests `a` and `other` may not share an exec; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: tests `a` and `lone` may not share an exec; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: tests `a` and `gpu` may not share an exec; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: unit `u` is torn apart; built-in decides 1 actions; 2 tests start
    policy clever sha256:11: gave an answer that is not allowed: unit `u` is not in listed order; built-in decides 1 actions; 2 tests start
    ");
}

#[test]
fn what_cannot_be_done_now_is_dropped_and_asked_again() {
    let said =
        [after(|worker| vec![Action::Duplicate { worker, test: 0 }]), after(|worker| vec![Action::Release(worker)])];
    insta::assert_snapshot!(said.join("\n"), @"
    asked again
    asked again
    ");
}

#[test]
fn a_policy_that_lets_everything_stand_still_is_at_fault() {
    insta::assert_snapshot!(after(|_| Vec::new()), @"policy clever sha256:11: gave an answer that is not allowed: it starts nothing, though workers and tests wait and nothing runs; built-in decides 1 actions; 2 tests start");
}

#[test]
fn an_answer_to_another_question_changes_nothing() {
    let (mut drive, op, worker) = asked();
    let known = drive.records.len();
    let actions = vec![Action::Start { worker, tests: vec![0] }];
    let decision = Decision { actions, wake_at: None, note: String::new() };
    let other = OpId(op.0 + 1000);
    drive.tell(Event::Answered { op: other, answer: Answer::Decided(Ok(Decided { decision, by: plugin() })) });
    assert_eq!(drive.records.len(), known);
    assert_eq!(question(&drive), Some((op, worker)));
}
