//! "Verdicts are earned", row by row: what an attempt of these tests, with these reports and this end, says of each.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::fixture::{facts, test};
use crate::{BuildFacts, Fact, Test, Time};

/// The tests of an attempt: `a b c`, each with what happened to it before: `a:unreported`, `a:lost`.
fn members(text: &str) -> BuildFacts {
    let mut facts = facts();
    let names = || text.split_whitespace().map(|word| word.split_once(':').unwrap_or((word, "")));
    facts.apply(Time::default(), &Fact::TestsListed(names().map(|(name, _)| test(name)).collect()));
    for (index, (_, before)) in (0..).zip(names()) {
        let cause = match before {
            "" => continue,
            "unreported" => ReturnCause::Unreported,
            "lost" => ReturnCause::ExecFailed(ExecFailure::new(ExecFailureKind::MachineLost, "before")),
            other => panic!("`{other}` is nothing that happens"),
        };
        facts.apply(Time::default(), &Fact::TestReturned { test: TestIndex(index), cause, max_group: None });
    }
    facts
}

/// What was told, in order: `a=pass b=fail c=skip d=open`.
fn reports(text: &str) -> (Vec<Report>, Option<String>) {
    let (mut reports, mut open) = (Vec::new(), None);
    for (name, status) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
        let (status, message) = match status {
            "pass" => (Status::Passed, ""),
            "fail" => (Status::Failed, "assertion failed"),
            "skip" => (Status::Skipped, "not here"),
            "open" => {
                open = Some(name.to_owned());
                continue;
            }
            other => panic!("`{other}` is nothing that a runner says"),
        };
        let Test { name, suite, case, .. } = test(name);
        reports.push(Report { name, suite, case, status, duration: None, message: message.into() });
    }
    (reports, open)
}

fn attempt(told: &str, end: Result<CommandEnd, ExecFailure>, parsed: bool) -> AttemptEnd {
    let (reports, open) = reports(told);
    AttemptEnd { end, reports, open, parsed, took: Duration::from_secs(7), overhead: None, notes: Vec::new() }
}

fn show(facts: &BuildFacts, judgement: &Judgement) -> String {
    let name = |index: &TestIndex| &facts.test(*index).test.name;
    let mut lines = Vec::new();
    for (index, report) in &judgement.reported {
        let mut line = format!("{} {:?}", name(index), report.status);
        if !report.message.is_empty() {
            let _ = write!(line, ": {}", report.message);
        }
        if let Some(took) = report.duration {
            let _ = write!(line, " ({took:?})");
        }
        lines.push(line);
    }
    for (index, cause, max_group) in &judgement.returned {
        let alone = match max_group {
            None => String::new(),
            Some(1) => " by itself".to_owned(),
            Some(most) => format!(" in at most {most}"),
        };
        let cause = match cause {
            ReturnCause::ExecFailed(failure) => format!("exec failure, {failure}"),
            ReturnCause::Unreported => "not mentioned".into(),
            ReturnCause::CutShort(text) => format!("cut short, {text}"),
            ReturnCause::Retried(text) => format!("retry, {text}"),
        };
        lines.push(format!("{} again{alone}: {cause}", name(index)));
    }
    lines.extend(judgement.strangers.iter().map(|report| format!("stranger {} {:?}", report.name, report.status)));
    lines.extend(judgement.synthetic.iter().map(|text| format!("the group failed: {text}")));
    lines.extend(judgement.blame.iter().map(|text| format!("one of them is to blame: {text}")));
    lines.join("\n")
}

fn judged(tests: &str, attempt: &AttemptEnd, called_back: bool) -> String {
    let facts = members(tests);
    let members: Vec<(TestIndex, &TestFacts)> = facts.indices().zip(&facts.tests).collect();
    let judgement = if called_back { judge_called_back(&members, attempt) } else { judge(&members, attempt, 3) };
    let mut spoken_of: Vec<TestIndex> = judgement.reported.iter().map(|(index, _)| *index).collect();
    spoken_of.extend(judgement.returned.iter().map(|(index, ..)| *index));
    spoken_of.sort_unstable();
    assert_eq!(spoken_of, facts.indices().collect::<Vec<_>>(), "each test is reported or goes back, exactly once");
    show(&facts, &judgement)
}

/// Of a command that ended and whose output was read.
fn ended(tests: &str, told: &str, code: i32) -> String {
    judged(tests, &attempt(told, Ok(CommandEnd::Exited(code)), true), false)
}

/// Of a command that ended and whose output nobody read.
fn unread(tests: &str, code: i32) -> String {
    judged(tests, &attempt("", Ok(CommandEnd::Exited(code)), false), false)
}

/// Of a command whose end was not seen.
fn unseen(tests: &str, told: &str, kind: ExecFailureKind) -> String {
    judged(tests, &attempt(told, Err(ExecFailure::new(kind, "why")), true), false)
}

#[test]
fn what_is_reported_counts() {
    insta::assert_snapshot!(ended("a b c", "a=pass b=fail c=skip", 1), @"
    a Passed
    b Failed: assertion failed
    c Skipped: not here
    ");
}

#[test]
fn a_failure_is_not_taken_back() {
    insta::assert_snapshot!(ended("a b c", "a=fail b=pass c=skip a=pass b=fail c=pass", 1), @"
    a Failed: assertion failed
    b Failed: assertion failed
    c Passed
    ");
}

/// Nobody else would account for the exit status.
#[test]
fn a_failure_of_a_stranger_is_not_taken_back_either() {
    insta::assert_snapshot!(ended("a", "x=pass a=pass x=fail x=pass", 1), @"
    a Passed
    stranger x Failed
    ");
}

#[test]
fn exit_0_and_a_failed_verdict_is_a_failed_verdict() {
    insta::assert_snapshot!(ended("a b", "a=fail b=pass", 0), @"
    a Failed: assertion failed
    b Passed
    ");
}

#[test]
fn exit_0_and_a_test_unmentioned_runs_again_alone_and_then_has_failed() {
    insta::assert_snapshot!(ended("a b", "a=pass", 0), @"
    a Passed
    b again by itself: not mentioned
    ");
    insta::assert_snapshot!(ended("b:unreported", "", 0), @"b Failed: not reported: its command ended without mentioning it");
}

#[test]
fn exit_0_and_a_test_that_began_and_did_not_end_was_not_reported() {
    insta::assert_snapshot!(ended("a b", "a=pass b=open", 0), @"
    a Passed
    b again by itself: not mentioned
    ");
}

#[test]
fn exit_1_and_no_failed_verdict_is_a_failure_of_the_group() {
    insta::assert_snapshot!(ended("a b", "a=pass b=pass", 1), @"
    a Passed
    b Passed
    the group failed: exit status 1
    ");
}

#[test]
fn exit_1_and_a_failed_stranger_is_its_failure() {
    insta::assert_snapshot!(ended("a", "a=pass x=fail", 1), @"
    a Passed
    stranger x Failed
    ");
}

#[test]
fn a_crash_fails_the_open_test_and_the_rest_runs_again() {
    let crash = Ok(CommandEnd::Signaled("killed".into()));
    insta::assert_snapshot!(judged("a b c d", &attempt("a=pass b=fail c=open", crash, true), false), @"
    a Passed
    b Failed: assertion failed
    c Failed: signal: killed
    d again: cut short, signal: killed
    ");
}

#[test]
fn a_time_out_fails_the_open_test_and_the_rest_runs_again() {
    insta::assert_snapshot!(judged("a b c", &attempt("a=pass b=open", Ok(CommandEnd::TimedOut), true), false), @"
    a Passed
    b Failed: ran over its time limit
    c again: cut short, ran over its time limit
    ");
}

#[test]
fn an_open_test_that_was_reported_after_all_is_not_open() {
    insta::assert_snapshot!(ended("a b", "a=open a=pass b=pass", 1), @"
    a Passed
    b Passed
    the group failed: exit status 1
    ");
}

#[test]
fn a_test_alone_in_its_exec_owns_its_end() {
    insta::assert_snapshot!(ended("a", "", 3), @"a Failed: exit status 3 (7s)");
}

/// A runner that one of its tests brought down, and that said which: what it did not come to is no slower for that.
#[test]
fn exit_1_with_a_failure_and_some_unmentioned_runs_these_again_together() {
    insta::assert_snapshot!(ended("a b c d", "a=pass b=fail", 2), @"
    a Passed
    b Failed: assertion failed
    c again: cut short, exit status 2
    d again: cut short, exit status 2
    ");
    // A runner that stops at the first failure does not say that it keeps silent on this one.
    insta::assert_snapshot!(ended("a b:unreported", "a=fail", 1), @"
    a Failed: assertion failed
    b again: cut short, exit status 1
    ");
}

/// Without the stranger's test in the group nothing would be different the next time.
#[test]
fn exit_1_with_a_failed_stranger_and_one_unmentioned_is_no_ones_blame() {
    insta::assert_snapshot!(ended("a b", "a=pass x=fail", 1), @"
    a Passed
    b again by itself: not mentioned
    stranger x Failed
    ");
    insta::assert_snapshot!(ended("a b:unreported", "a=pass x=fail", 1), @"
    a Passed
    b Failed: not reported: its command ended without mentioning it
    stranger x Failed
    ");
}

#[test]
fn exit_1_without_a_failure_and_with_some_unmentioned_blames_one_of_them() {
    insta::assert_snapshot!(ended("a b c", "a=pass", 1), @"
    a Passed
    b again by itself: cut short, exit status 1
    c again by itself: cut short, exit status 1
    one of them is to blame: exit status 1
    ");
}

#[test]
fn what_is_not_of_the_group_is_a_stranger() {
    insta::assert_snapshot!(ended("a", "a=pass x=pass", 0), @"
    a Passed
    stranger x Passed
    ");
}

#[test]
fn a_command_that_could_not_be_started_fails_all_its_tests() {
    let end = Ok(CommandEnd::NotStarted("no such file".into()));
    insta::assert_snapshot!(judged("a b", &attempt("", end, true), false), @"
    a Failed: could not be started: no such file
    b Failed: could not be started: no such file
    ");
}

#[test]
fn without_a_parser_the_exit_status_decides_and_a_failing_group_is_taken_apart() {
    insta::assert_snapshot!(unread("a b", 0), @"
    a Passed
    b Passed
    ");
    insta::assert_snapshot!(unread("a", 0), @"a Passed (7s)");
    insta::assert_snapshot!(unread("a", 1), @"a Failed: exit status 1 (7s)");
    insta::assert_snapshot!(unread("a b", 1), @"
    a again by itself: cut short, exit status 1
    b again by itself: cut short, exit status 1
    one of them is to blame: exit status 1
    ");
}

#[test]
fn after_an_exec_failure_the_open_test_runs_alone_and_passes_stay() {
    insta::assert_snapshot!(unseen("a b c d", "a=pass b=skip c=open", ExecFailureKind::MachineLost), @"
    a Passed
    b Skipped: not here
    c again by itself: exec failure, machine lost: why
    d again: exec failure, machine lost: why
    ");
}

#[test]
fn after_an_exec_failure_a_failure_is_not_believed() {
    insta::assert_snapshot!(unseen("a b c", "a=fail b=open", ExecFailureKind::MachineLost), @"
    a again by itself: exec failure, machine lost: why
    b again by itself: exec failure, machine lost: why
    c again: exec failure, machine lost: why
    ");
    // Nor is that of a part of a test: it is not held against it when it passes.
    insta::assert_snapshot!(unseen("a b", "a/x=fail a=open", ExecFailureKind::MachineLost), @"
    a again by itself: exec failure, machine lost: why
    b again: exec failure, machine lost: why
    ");
}

#[test]
fn after_an_exec_failure_that_nobody_knows_the_culprit_of_groups_are_smaller() {
    insta::assert_snapshot!(unseen("a b c", "a=pass", ExecFailureKind::MachineLost), @"
    a Passed
    b again by itself: exec failure, machine lost: why
    c again by itself: exec failure, machine lost: why
    ");
    let names: Vec<String> = (0..40).map(|number| format!("t{number}")).collect();
    let judged = unseen(&names.join(" "), "t0=pass t1=pass", ExecFailureKind::MachineLost);
    assert_eq!(judged.matches(" again in at most 6: ").count(), 38, "{judged}");
    insta::assert_snapshot!(unseen("a b:lost", "", ExecFailureKind::MachineLost), @"
    a again by itself: exec failure, machine lost: why
    b again by itself: exec failure, machine lost: why
    ");
}

#[test]
fn a_second_exec_failure_makes_a_test_run_alone() {
    insta::assert_snapshot!(unseen("a b:lost c", "a=open", ExecFailureKind::MachineLost), @"
    a again by itself: exec failure, machine lost: why
    b again by itself: exec failure, machine lost: why
    c again: exec failure, machine lost: why
    ");
}

#[test]
fn a_stopping_coordinator_says_nothing_against_a_test() {
    insta::assert_snapshot!(unseen("a b", "a=pass b=open", ExecFailureKind::CoordinatorStopped), @"
    a Passed
    b again: cut short, coordinator stopped: why
    ");
}

#[test]
fn what_we_called_back_ourselves_is_held_against_nobody() {
    let killed = Ok(CommandEnd::Signaled("killed".into()));
    insta::assert_snapshot!(judged("a b c", &attempt("a=pass b=fail c=open", killed, true), true), @"
    a Passed
    b Failed: assertion failed
    c again: cut short, called back
    ");
}
