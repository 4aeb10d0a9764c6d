//! Parts of tests, which nobody listed: what becomes of one that failed in an attempt after which its test ran again.

use std::collections::BTreeSet;
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

type End = Result<CommandEnd, ExecFailure>;

/// How an attempt ended, what was told in it, and which test ran at its end.
type Told = (End, Vec<Report>, Option<&'static str>);

fn fine(reports: Vec<Report>) -> Told {
    (Ok(CommandEnd::Exited(0)), reports, None)
}

/// The verdicts of a build whose attempts, which are of these tests, end like this one after the other.
fn verdicts(retries: u32, tests: Vec<Test>, mut next: impl FnMut(&[&str]) -> Told) -> String {
    let mut drive = Drive::new(1, tests);
    drive.tell(Event::BuildSubmitted(Box::new(BuildSpec { retries, ..spec(1) })));
    loop {
        while drive.go_on(|task| matches!(task, Task::RunGroup { .. })) {}
        let group = drive.awaited.iter().find_map(|(op, (_, task))| match task {
            Task::RunGroup { tests, .. } => Some((*op, tests.clone())),
            _ => None,
        });
        let Some((op, tests)) = group else { break };
        let facts = drive.engine.facts(BUILD).expect("it runs");
        let names: Vec<String> = tests.iter().map(|index| facts.test(*index).test.name.clone()).collect();
        let (end, reports, open) = next(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let (took, open) = (Duration::from_secs(1), open.map(str::to_owned));
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

/// The verdicts of `a` and `b`, which are of one unit, and of parts of `b`. The first attempt told this, and ended like
/// this while a test ran. After that all passes.
fn after(retries: u32, reports: &[(&str, Status)], end: End, open: Option<&'static str>) -> String {
    let reports = reports.iter().map(|(name, status)| report(name, *status)).collect();
    let mut first = Some((end, reports, open));
    let of_unit = |name| Test { unit: Some("unit".into()), ..test(name) };
    verdicts(retries, vec![of_unit("a"), of_unit("b")], |names| {
        let passed = names.iter().flat_map(|name| match *name {
            "b" => vec![report("b/part", Status::Passed), report("b", Status::Passed)],
            other => vec![report(other, Status::Passed)],
        });
        first.take().unwrap_or_else(|| fine(passed.collect()))
    })
}

/// The verdicts of two tests of different commands, each of which tells of `part`, too: the first one like this, and
/// the second one like that.
fn both(retries: u32, first: Status, second: Status) -> String {
    let mut statuses = vec![second, first];
    let alone = |name: &str| Test { merge_key: Some(name.into()), ..test(name) };
    verdicts(retries, vec![alone("a"), alone("b")], |names| {
        let part = report("part", statuses.pop().expect("two attempts"));
        let end = i32::from(part.status == Status::Failed);
        (Ok(CommandEnd::Exited(end)), vec![part, report(names[0], Status::Passed)], None)
    })
}

/// Its failure is a result, and the try in which it passes is none that undoes one, unless such are asked for.
#[test]
fn after_a_crash_of_another_test_it_failed_or_is_flaky_where_retries_are_asked_for() {
    let crash = |retries| {
        let end = Ok(CommandEnd::Signaled("killed".into()));
        after(retries, &[("b/part", Status::Failed)], end, Some("a"))
    };
    insta::assert_snapshot!(crash(0), @"a Failed, b Passed, b/part Failed");
    insta::assert_snapshot!(crash(1), @"a Flaky, b Passed, b/part Flaky");
}

#[test]
fn after_the_loss_of_its_machine_nothing_is_held_against_it() {
    let told = [("b/part", Status::Failed)];
    insta::assert_snapshot!(after(0, &told, lost(), Some("a")), @"a Passed, b Passed, b/part Passed");
    insta::assert_snapshot!(after(1, &told, lost(), Some("a")), @"a Passed, b Passed, b/part Passed");
}

fn lost() -> End {
    Err(ExecFailure::new(ExecFailureKind::MachineLost, "gone"))
}

/// Whoever keeps its result keeps those of its parts.
#[test]
fn what_passed_before_its_machine_was_lost_is_told_with_its_test() {
    let told = [("b/once", Status::Passed), ("b", Status::Passed)];
    insta::assert_snapshot!(after(0, &told, lost(), Some("a")), @"a Passed, b Passed, b/once Passed");
}

/// A failed part is a doubt about every test of the attempt: `b` runs again, and tells of its parts.
#[test]
fn a_part_that_failed_before_its_machine_was_lost_is_looked_at_again() {
    let told = [("b/once", Status::Failed), ("b", Status::Passed)];
    insta::assert_snapshot!(after(0, &told, lost(), Some("a")), @"a Passed, b Passed, b/part Passed");
}

#[test]
fn a_part_that_fails_when_its_test_runs_again_is_flaky_where_retries_are_asked_for() {
    let mut told = vec![
        (Ok(CommandEnd::Exited(1)), vec![report("part", Status::Failed), report("a", Status::Passed)], None),
        (Ok(CommandEnd::Exited(1)), vec![report("part", Status::Passed), report("a", Status::Failed)], None),
    ];
    insta::assert_snapshot!(verdicts(1, vec![test("a")], |_| told.pop().expect("two tries")), @"a Flaky, part Flaky");
}

/// Two tests of different commands that both tell of `part`: each fails with it first, or passes beside it, and passes
/// with it when it runs again.
fn tried_again(b_fails: bool) -> String {
    use Status::{Failed, Passed};
    let mut seen = BTreeSet::new();
    let alone = |name: &str| Test { merge_key: Some(name.into()), ..test(name) };
    verdicts(1, vec![alone("a"), alone("b")], |names| {
        let (name, again) = (names[0], !seen.insert(names[0].to_owned()));
        if again {
            return fine(vec![report("part", Passed), report(name, Passed)]);
        }
        let own = if name == "a" || b_fails { Failed } else { Passed };
        (Ok(CommandEnd::Exited(1)), vec![report("part", Failed), report(name, own)], None)
    })
}

#[test]
fn each_failure_under_a_name_is_undone_by_its_own_test_only() {
    insta::assert_snapshot!(tried_again(true), @"a Flaky, b Flaky, part Flaky");
    insta::assert_snapshot!(tried_again(false), @"a Flaky, b Passed, part Failed");
}

/// What is listed is judged by its own attempts, and a command that failed for another reason is not forgotten.
#[test]
fn a_failure_under_the_name_of_another_group_is_that_of_the_group() {
    let alone = |name: &str| Test { merge_key: Some(name.into()), ..test(name) };
    let told = verdicts(0, vec![alone("a"), alone("b")], |names| match names[0] {
        "a" => {
            let reports = vec![report("a", Status::Passed), report("b", Status::Failed)];
            (Ok(CommandEnd::Exited(1)), reports, None)
        }
        other => fine(vec![report(other, Status::Passed)]),
    });
    insta::assert_snapshot!(told, @"a Passed, b Passed, a (group of 1) Failed");
}

#[test]
fn a_group_whose_culprit_passes_on_a_retry_is_not_held_against_it() {
    let mut failed = false;
    let told = verdicts(1, vec![test("a"), test("b")], |names| match names {
        ["a"] if !std::mem::replace(&mut failed, true) => {
            (Ok(CommandEnd::Exited(1)), vec![report("a", Status::Failed)], None)
        }
        [alone] => fine(vec![report(alone, Status::Passed)]),
        _ => (Ok(CommandEnd::Exited(1)), Vec::new(), None),
    });
    insta::assert_snapshot!(told, @"a Flaky, b Passed");
}

/// Names of two commands may be one by chance, and no retry of a test undoes what another one told.
#[test]
fn a_failure_under_a_name_that_passed_elsewhere_is_not_lost() {
    use Status::{Failed, Passed, Skipped};
    for (first, second) in [(Passed, Failed), (Failed, Passed), (Skipped, Failed)] {
        for retries in [0, 1] {
            assert_eq!(both(retries, first, second), "a Passed, b Passed, part Failed", "{first:?}, then {second:?}");
        }
    }
    assert_eq!(both(1, Skipped, Passed), "a Passed, b Passed, part Passed");
}
