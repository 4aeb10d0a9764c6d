//! After a restart a policy is told again all that happened: it decides as one that was there all along.

use std::time::Duration;

use builtin::Run;
use engine::policy::{AskAt, Decision};
use engine::{
    Answer, AttemptEnd, AttemptId, BuildId, BuildSpec, CommandEnd, DecideTask, Decided, Estimate, EstimateSource,
    Estimates, Event, ExecFailure, ExecFailureKind, OpId, Phases, PluginRef, Report, Status, Task, Test, TestIndex,
};

use crate::drive::{Drive, spec, test};

const BUILD: BuildId = BuildId(1);

fn by() -> PluginRef {
    PluginRef { name: "clever".into(), digest: "sha256:11".into() }
}

/// Tests of several lengths; some share what they need alone, some are of one unit, and of every fifth nothing is known.
fn tests() -> Vec<Test> {
    let kind = |index: u32| Test {
        alone: (index % 11 == 3).then(|| "gpu".to_owned()),
        unit: (index % 13 == 5).then(|| format!("unit {}", index / 40)),
        ..test(&format!("t{index}"))
    };
    (0..120).map(kind).collect()
}

fn estimates() -> Estimates {
    let estimate = |index: u64| Estimate {
        expected: Duration::from_millis(200 + index * 37 % 900),
        deviation: Duration::ZERO,
        source: if index.is_multiple_of(5) { EstimateSource::Prior } else { EstimateSource::History(3) },
    };
    let phases = Phases { exec_overhead: Duration::from_millis(100), ..Phases::default() };
    Estimates { tests: (0..120).map(estimate).collect(), phases, by: by() }
}

/// A life of the coordinator, and the policy's run in it.
struct Life {
    drive: Drive,
    run: Option<Run>,
}

impl Life {
    fn answer(&mut self, op: OpId, answer: Answer) {
        self.drive.awaited.remove(&op);
        self.drive.tell(Event::Answered { op, answer });
    }

    /// Does all that is ordered but the tests themselves, and asks the policy or leaves its question open.
    fn settle(&mut self, decides: bool) {
        loop {
            let ours = |task: &Task| matches!(task, Task::Decide(_)) && decides || is_planning(task);
            let asked = self.drive.awaited.iter().find(|(_, (_, task))| ours(task));
            let Some((op, task)) = asked.map(|(op, (_, task))| (*op, task.clone())) else {
                let held = |task: &Task| matches!(task, Task::Decide(_) | Task::RunGroup { .. });
                if self.drive.go_on(held) {
                    continue;
                }
                return;
            };
            let answer = match task {
                Task::Estimate => Answer::Estimated(Ok(estimates())),
                Task::PlanHelpers(_) => Answer::HelpersPlanned(Ok(vec![AskAt { at: Duration::ZERO, count: 2 }])),
                Task::Decide(task) => {
                    let decision = self.told(&task).decide(task.now, &task.idle);
                    Answer::Decided(Ok(Decided { decision, by: by() }))
                }
                other => panic!("{other:?} is the drive's"),
            };
            self.answer(op, answer);
        }
    }

    /// The policy's run, with all that it is told by a question.
    fn told(&mut self, task: &DecideTask) -> &mut Run {
        if let Some(input) = &task.construct {
            self.run = Some(Run::new(input.clone()));
        }
        let run = self.run.as_mut().expect("the first question constructs it");
        run.observe(&task.observed);
        run
    }

    fn question(&self) -> Option<DecideTask> {
        self.drive.awaited.values().find_map(|(_, task)| match task {
            Task::Decide(task) => Some(task.as_ref().clone()),
            _ => None,
        })
    }

    /// What runs.
    fn attempts(&self) -> Vec<(AttemptId, Vec<TestIndex>)> {
        let running = self.drive.awaited.values().filter_map(|(_, task)| match task {
            Task::RunGroup { attempt, tests, .. } => Some((*attempt, tests.clone())),
            _ => None,
        });
        running.collect()
    }

    fn end(&mut self, attempt: AttemptId, end: AttemptEnd) {
        let ordered = |task: &Task| matches!(task, Task::RunGroup { attempt: other, .. } if *other == attempt);
        let (op, _) = self.drive.awaited.iter().find(|(_, (_, task))| ordered(task)).expect("it runs");
        let op = *op;
        self.drive.now = self.drive.now.plus(Duration::from_secs(1));
        self.answer(op, Answer::AttemptEnded(Box::new(end)));
    }
}

fn is_planning(task: &Task) -> bool {
    matches!(task, Task::Estimate | Task::PlanHelpers(_))
}

/// How an attempt ends: well; with a failure and a test that nobody reported; or with its machine.
fn end(round: u32, tests: &[TestIndex]) -> AttemptEnd {
    if round % 9 == 4 {
        return AttemptEnd::unseen(ExecFailure::new(ExecFailureKind::MachineLost, "gone"));
    }
    let bad = round % 4 == 2;
    let report = |(place, index): (usize, &TestIndex)| Report {
        name: format!("t{}", index.0),
        suite: "suite".into(),
        case: format!("t{}", index.0),
        status: if bad && place == 0 { Status::Failed } else { Status::Passed },
        duration: Some(Duration::from_millis(90 + u64::from(index.0) * 7 % 50)),
        message: String::new(),
    };
    let told = if bad { tests.len().div_ceil(2) } else { tests.len() };
    AttemptEnd {
        end: Ok(CommandEnd::Exited(i32::from(bad))),
        reports: tests.iter().enumerate().take(told).map(report).collect(),
        open: None,
        parsed: true,
        took: Duration::from_secs(1),
        overhead: Some(Duration::from_millis(100 + u64::from(round) * 13 % 70)),
        notes: Vec::new(),
    }
}

#[test]
fn it_decides_as_one_that_was_there_all_along() {
    let mut first = Life { drive: Drive::new(1, tests()), run: None };
    let plugins = vec![("policy".to_owned(), by())];
    let build = BuildSpec { plugins, max_helpers: 2, retries: 1, ..spec(1) };
    first.drive.tell(Event::BuildSubmitted(Box::new(build)));
    first.settle(true);
    let (mut compared, mut decided) = (0, 0);
    for round in 0.. {
        let running = first.attempts();
        let Some((attempt, group)) = running.get(round as usize % running.len().max(1)).cloned() else { break };
        let mut second = Life { drive: Drive::taken_up(first.drive.records.clone(), tests()), run: None };
        second.settle(false);
        // Where a machine is idle, the policy is asked before anything happens.
        let at_once = second.question().is_some();
        for life in [&mut first, &mut second] {
            life.end(attempt, end(round, &group));
        }
        if !at_once {
            let (there, restarted) = (first.question(), second.question());
            assert_eq!(there.is_some(), restarted.is_some(), "round {round}");
            if let (Some(there), Some(restarted)) = (there, restarted) {
                assert!(there.construct.is_none() && restarted.construct.is_some());
                assert_eq!(there.idle, restarted.idle);
                let mut old = first.run.clone().expect("it has decided");
                old.observe(&there.observed);
                let all_along: Decision = old.decide(there.now, &there.idle);
                let again: Decision = second.told(&restarted).decide(there.now, &there.idle);
                assert_eq!(all_along, again, "round {round}");
                compared += 1;
                decided += all_along.actions.len();
            }
        }
        first.settle(true);
    }
    assert!(first.drive.folded(BUILD).ended.is_some(), "it came to its end");
    assert!(compared > 10 && decided > 10, "{compared} questions, {decided} decisions");
}

#[test]
fn a_build_whose_machines_are_given_up_is_told_of_their_end() {
    let mut first = Life { drive: Drive::new(1, tests()), run: None };
    let plugins = vec![("policy".to_owned(), by())];
    first.drive.tell(Event::BuildSubmitted(Box::new(BuildSpec { plugins, max_helpers: 2, ..spec(1) })));
    first.settle(true);
    assert!(first.attempts().len() > 1, "several groups run");
    let mut second = Life { drive: Drive::recovered(first.drive.records, tests()), run: None };
    second.settle(true);
    while let Some((attempt, group)) = second.attempts().first().cloned() {
        second.end(attempt, end(0, &group));
        second.settle(true);
    }
    let facts = second.drive.folded(BUILD);
    assert!(facts.ended.is_some(), "it came to its end");
    assert_eq!(facts.faults, [], "it never named what was not waiting");
}
