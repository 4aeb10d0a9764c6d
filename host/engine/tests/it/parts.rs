//! Parts of tests, which nobody listed: what becomes of one that failed in an attempt after which its test ran again.

use std::time::Duration;

use engine::{
    Answer, AttemptEnd, BuildId, BuildSpec, CommandEnd, Event, ExecFailure, ExecFailureKind, Report, Status, Task, Test,
};

use crate::drive::{Drive, spec, test};

const BUILD: BuildId = BuildId(1);

fn report(name: &str, status: Status) -> Report {
    let Test { name, suite, case, .. } = test(name);
    Report { name, suite, case, status, duration: None, message: "said".into() }
}

/// The verdicts of `a`, `b` and `b/part`, of which the part failed in the first attempt, which ended like this while `a`
/// ran. After that all passes.
fn after(retries: u32, end: Result<CommandEnd, ExecFailure>) -> String {
    let mut drive = Drive::new(1, vec![test("a"), test("b")]);
    drive.tell(Event::BuildSubmitted(Box::new(BuildSpec { retries, ..spec(1) })));
    let mut first = Some(end);
    loop {
        while drive.go_on(|task| matches!(task, Task::RunGroup { .. })) {}
        let group = drive.awaited.iter().find_map(|(op, (_, task))| match task {
            Task::RunGroup { tests, .. } => Some((*op, tests.clone())),
            _ => None,
        });
        let Some((op, tests)) = group else { break };
        let facts = drive.engine.facts(BUILD).expect("it runs");
        let names: Vec<String> = tests.iter().map(|index| facts.test(*index).test.name.clone()).collect();
        let passed = names.iter().flat_map(|name| match name.as_str() {
            "b" => vec![report("b/part", Status::Passed), report("b", Status::Passed)],
            other => vec![report(other, Status::Passed)],
        });
        let (end, reports, open) = match first.take() {
            Some(end) => (end, vec![report("b/part", Status::Failed)], Some("a".to_owned())),
            None => (Ok(CommandEnd::Exited(0)), passed.collect(), None),
        };
        let took = Duration::from_secs(1);
        let end = AttemptEnd { end, reports, open, parsed: true, took, overhead: None, notes: Vec::new() };
        drive.awaited.remove(&op);
        drive.now = drive.now.plus(took);
        drive.tell(Event::Answered { op, answer: Answer::AttemptEnded(Box::new(end)) });
    }
    let facts = drive.folded(BUILD);
    let verdicts = facts.tests.iter().map(|test| {
        let verdict = test.verdict.as_ref().expect("it is over");
        format!("{} {:?}", test.test.name, verdict.kind)
    });
    verdicts.collect::<Vec<_>>().join(", ")
}

/// Its failure is a result, and the try in which it passes is none that undoes one, unless such are asked for.
#[test]
fn after_a_crash_of_another_test_it_failed_or_is_flaky_where_retries_are_asked_for() {
    let crash = || Ok(CommandEnd::Signaled("killed".into()));
    insta::assert_snapshot!(after(0, crash()), @"a Failed, b Passed, b/part Failed");
    insta::assert_snapshot!(after(1, crash()), @"a Flaky, b Passed, b/part Flaky");
}

#[test]
fn after_the_loss_of_its_machine_nothing_is_held_against_it() {
    let lost = || Err(ExecFailure::new(ExecFailureKind::MachineLost, "gone"));
    insta::assert_snapshot!(after(0, lost()), @"a Passed, b Passed, b/part Passed");
    insta::assert_snapshot!(after(1, lost()), @"a Passed, b Passed, b/part Passed");
}
