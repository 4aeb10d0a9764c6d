//! A restart that waits for the machines of before: what they did goes on under its old numbers.

use std::time::Duration;

use engine::{
    Answer, AttemptEnd, AttemptId, BuildFacts, BuildId, BuildSpec, Event, ExecFailure, ExecFailureKind, Fact, LeaseId,
    OpId, Outcome, Phase, Record, Task, Test, VerdictKind,
};

use crate::drive::{ADOPTION, Drive, spec, test};

const BUILD: BuildId = BuildId(1);

fn tests() -> Vec<Test> {
    ["a", "b", "c", "d"].map(|name| Test { merge_key: None, ..test(name) }).to_vec()
}

fn submitted() -> Drive {
    let mut drive = Drive::new(1, tests());
    drive.tell(Event::BuildSubmitted(Box::new(BuildSpec { max_helpers: 2, ..spec(1) })));
    drive
}

/// The records after each step of a build that nothing happens to.
fn lives() -> Vec<Vec<Record>> {
    let mut drive = submitted();
    let mut lives = vec![drive.records.clone()];
    while drive.go_on(|_| false) {
        lives.push(drive.records.clone());
    }
    lives
}

/// A build with an attempt under way.
fn testing() -> Drive {
    let mut drive = submitted();
    while drive.go_on(|task| matches!(task, Task::RunGroup { .. })) {}
    drive
}

fn asked(drive: &Drive) -> Vec<(OpId, LeaseId)> {
    let asked = drive.awaited.iter().filter_map(|(op, (_, task))| match task {
        Task::AdoptLease { lease, .. } => Some((*op, *lease)),
        _ => None,
    });
    asked.collect()
}

fn attempts(drive: &Drive) -> Vec<AttemptId> {
    let ordered = drive.awaited.values().filter_map(|(_, task)| match task {
        Task::RunGroup { attempt, .. } => Some(*attempt),
        _ => None,
    });
    ordered.collect()
}

fn answer(drive: &mut Drive, op: OpId, answer: Answer) {
    drive.awaited.remove(&op);
    drive.tell(Event::Answered { op, answer });
}

fn refused() -> Answer {
    Answer::LeaseRefused(ExecFailure::new(ExecFailureKind::MachineLost, "connection refused"))
}

fn passed_once(facts: &BuildFacts) {
    assert!(matches!(&facts.ended, Some((_, Outcome::Passed, _))), "{:?}", facts.ended);
    for test in &facts.tests {
        assert_eq!(test.verdict.as_ref().map(|verdict| verdict.kind), Some(VerdictKind::Passed), "{}", test.test.name);
        assert_eq!(test.exec_failures, [], "a restart is held against no test");
    }
}

#[test]
fn whatever_was_under_way_goes_on_and_nothing_runs_twice() {
    for records in lives() {
        let before = BuildFacts::fold(&records).expect("it was submitted");
        let mut second = Drive::taken_up(records, tests());
        assert_eq!(asked(&second).len(), if before.ended.is_none() { before.held().count() } else { 0 });
        second.run_to_end();
        let after = second.folded(BUILD);
        passed_once(&after);
        let phases = |facts: &BuildFacts| facts.phases.iter().map(|(phase, _)| *phase).collect::<Vec<_>>();
        let whole =
            [Phase::Acquire, Phase::Prepare, Phase::Make, Phase::Snapshot, Phase::List, Phase::Test, Phase::Done];
        assert_eq!(phases(&after), whole, "no phase is begun again after {:?}", phases(&before));
        let runs = after.attempts.values().flat_map(|attempt| &attempt.tests);
        assert_eq!(runs.count(), tests().len(), "each test is started once");
        assert!(before.held().all(|lease| after.leases.contains_key(&lease)));
        assert_eq!(after.log_order().get(..before.log_order().len()), Some(before.log_order().as_slice()));
        assert!(second.engine.is_idle());
    }
}

#[test]
fn an_attempt_is_ordered_again_when_its_machine_answers() {
    let drive = testing();
    let under_way = attempts(&drive);
    let mut second = Drive::taken_up(drive.records, tests());
    assert_eq!(attempts(&second), [], "no machine has answered");
    for (op, lease) in asked(&second) {
        let machine = second.folded(BUILD).leases[&lease].machine.clone();
        answer(&mut second, op, Answer::LeaseGranted(machine));
    }
    let known = |attempt: &AttemptId| under_way.contains(attempt);
    assert_eq!(attempts(&second).iter().filter(|attempt| known(attempt)).count(), under_way.len());
    let restart = &second.folded(BUILD).restarts[0];
    assert_eq!((restart.asked.len(), restart.given_up.len()), (0, 0));
    assert_eq!(restart.adopted.len(), second.folded(BUILD).held().count());
}

#[test]
fn a_machine_that_refuses_is_given_up_without_a_word_against_its_tests() {
    let mut second = Drive::taken_up(testing().records, tests());
    for (op, lease) in asked(&second) {
        answer(&mut second, op, refused());
        let broken = |task: &Task| matches!(task, Task::ReleaseLease { lease: l, broken: true } if *l == lease);
        assert!(second.awaited.values().any(|(_, task)| broken(task)), "{lease} is given back as broken");
    }
    let facts = second.folded(BUILD);
    assert_eq!(facts.main_losses(), 0, "it is not the machine's fault either");
    assert!(facts.restarts[0].adopted.is_empty() && !facts.restarts[0].given_up.is_empty());
    second.run_to_end();
    passed_once(&second.folded(BUILD));
}

#[test]
fn a_machine_that_says_nothing_is_given_up_at_the_limit() {
    let mut second = Drive::taken_up(testing().records, tests());
    let silent = asked(&second);
    assert_eq!(second.engine.next_deadline(), Some(second.now.plus(ADOPTION)));
    second.now = second.now.plus(ADOPTION);
    second.tell(Event::Tick);
    assert_eq!(second.folded(BUILD).restarts[0].given_up.len(), silent.len());
    for (op, _) in silent {
        second.awaited.remove(&op);
    }
    second.run_to_end();
    passed_once(&second.folded(BUILD));
}

#[test]
fn a_build_that_is_canceled_meanwhile_waits_for_no_machine() {
    let mut second = Drive::taken_up(testing().records, tests());
    let waiting = asked(&second);
    second.tell(Event::BuildCanceled { build: BUILD, cause: "not wanted".into() });
    let facts = second.folded(BUILD);
    assert!(matches!(&facts.ended, Some((_, Outcome::Canceled { .. }, _))));
    assert_eq!(facts.held().count(), 0);
    let known = second.records.len();
    for (op, lease) in waiting {
        answer(&mut second, op, Answer::LeaseGranted(facts.leases[&lease].machine.clone()));
    }
    assert_eq!(second.records.len(), known, "what it says then changes nothing");
    second.run_to_end();
    assert!(second.engine.is_idle());
}

#[test]
fn what_was_called_back_is_not_blamed_for_being_killed() {
    let mut first = testing();
    let attempt = attempts(&first)[0];
    let name = tests()[first.folded(BUILD).attempts[&attempt].tests[0].0 as usize].name.clone();
    first.tell(Event::TestStarted { attempt, name: name.clone() });
    first.now = first.now.plus(spec(1).limits.test);
    first.tell(Event::Tick);
    let mut second = Drive::taken_up(first.records, tests());
    while second.go_on(|task| matches!(task, Task::RunGroup { .. })) {}
    let ordered = |task: &Task| matches!(task, Task::RunGroup { attempt: other, .. } if *other == attempt);
    let (op, _) = second.awaited.iter().find(|(_, (_, task))| ordered(task)).expect("it is attached to");
    let op = *op;
    let killed = AttemptEnd {
        end: Ok(engine::CommandEnd::Signaled("killed".into())),
        ..AttemptEnd::unseen(ExecFailure::new(ExecFailureKind::Other, ""))
    };
    answer(&mut second, op, Answer::AttemptEnded(Box::new(killed)));
    let facts = second.folded(BUILD);
    let verdict = facts.find_test(&name).and_then(|index| facts.test(index).verdict.clone()).expect("it was judged");
    assert_eq!((verdict.kind, verdict.cause.as_str()), (VerdictKind::Failed, "ran over its time limit"));
}

/// While its output is not read for longer than all its limits, nothing is held against the test that seems to run.
#[test]
fn an_attempt_that_is_held_up_is_not_over_its_time() {
    let mut drive = testing();
    let attempt = attempts(&drive)[0];
    let name = tests()[drive.folded(BUILD).attempts[&attempt].tests[0].0 as usize].name.clone();
    drive.tell(Event::TestStarted { attempt, name });
    let most = spec(1).limits.test * 3;
    let until = drive.now.plus(most);
    while drive.now < until {
        drive.now = drive.now.plus(Duration::from_secs(1));
        for attempt in attempts(&drive) {
            drive.tell(Event::AttemptHeld { attempt });
        }
    }
    let facts = drive.folded(BUILD);
    assert!(facts.attempts[&attempt].called_back.is_none() && facts.attempts[&attempt].ended.is_none());
    drive.now = drive.now.plus(spec(1).limits.test);
    drive.tell(Event::Tick);
    assert!(drive.folded(BUILD).attempts[&attempt].called_back.is_some(), "then its time passes again");
}

#[test]
fn a_queued_build_costs_no_record() {
    let mut drive = Drive::new(0, tests());
    drive.tell(Event::BuildSubmitted(Box::new(spec(1))));
    let known = drive.records.len();
    let second = Drive::taken_up(drive.records, tests());
    assert!(!second.records[known..].iter().any(|record| matches!(record.fact, Fact::Restarted { .. })));
}
