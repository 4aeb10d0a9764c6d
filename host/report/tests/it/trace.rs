//! The trace of a build in which a machine was lost, a test failed and the coordinator was started again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{
    AttemptId, BuildFacts, BuildId, BuildSpec, Certificate, CommandEnd, ExecFailure, ExecFailureKind, Fact, LeaseId,
    Machine, Outcome, Phase, PluginRef, Record, Role, SnapshotInfo, Test, TestIndex, Time, Verdict, VerdictKind,
};
use report::trace::{Origin, Parent, Span, SpanId, Trace, Value, trace_of};

/// When it was submitted: 2026-08-01.
const SUBMITTED: u64 = 1_785_542_400;

fn spec() -> BuildSpec {
    BuildSpec {
        rev: "sha256:00".into(),
        max_helpers: 1,
        reuse_snapshot: true,
        plugins: vec![("builder".into(), PluginRef { name: "pytest".into(), digest: "sha256:01".into() })],
        ..BuildSpec::plain(BuildId(17), "app", "pytest", "local")
    }
}

fn granted(lease: u64, role: Role) -> Fact {
    let name = format!("local-{lease}");
    let machine = Machine { name, host_type: "local".into(), machine: "here".into(), pool: "local".into() };
    Fact::LeaseGranted { lease: LeaseId(lease), role, machine }
}

fn started(attempt: u64, lease: u64, tests: &[u32]) -> Fact {
    let tests = tests.iter().copied().map(TestIndex).collect();
    Fact::AttemptStarted { attempt: AttemptId(attempt), lease: LeaseId(lease), tests }
}

fn ended(attempt: u64, end: Result<CommandEnd, ExecFailure>) -> Fact {
    let overhead = end.is_ok().then_some(Duration::from_millis(250));
    Fact::AttemptEnded { attempt: AttemptId(attempt), end, took: Duration::from_secs(1), overhead, notes: Vec::new() }
}

fn verdict(test: u32, kind: VerdictKind, cause: &str, attempt: u64) -> Fact {
    let attempt = (attempt > 0).then_some(AttemptId(attempt));
    Fact::Verdict { test: TestIndex(test), verdict: Verdict { kind, cause: cause.into(), duration: None, attempt } }
}

/// The eventful build: seconds since its submission, and what happened then.
fn happenings() -> Vec<(u64, Fact)> {
    let lost = || ExecFailure::new(ExecFailureKind::MachineLost, "no answer for 5 s");
    let test = |name: &str| Test { name: name.into(), ..Test::default() };
    let info = SnapshotInfo { key: "app/1".into(), bytes: 1, digest: "sha256:02".into(), age: Duration::ZERO };
    vec![
        (0, Fact::Submitted(Box::new(spec()))),
        (2, Fact::PhaseBegan(Phase::Acquire)),
        (3, granted(1, Role::Main)),
        (3, Fact::PhaseBegan(Phase::Prepare)),
        (4, Fact::PhaseBegan(Phase::Make)),
        (5, Fact::LeaseEnded { lease: LeaseId(1), lost: Some(lost()) }),
        (5, Fact::PhaseBegan(Phase::Acquire)),
        (6, granted(2, Role::Main)),
        (6, Fact::PhaseBegan(Phase::Prepare)),
        (7, Fact::PhaseBegan(Phase::Make)),
        (9, Fact::Restarted { leases: vec![LeaseId(2)] }),
        (9, Fact::LeaseAdopted { lease: LeaseId(2) }),
        (10, granted(3, Role::Helper)),
        (11, Fact::PhaseBegan(Phase::Snapshot)),
        (12, Fact::SnapshotReady { info, reused: false }),
        (12, Fact::PhaseBegan(Phase::List)),
        (13, Fact::LeaseReady { lease: LeaseId(3) }),
        (14, Fact::TestsListed(["one", "two", "three", "four", "five"].map(test).into())),
        (14, Fact::LeaseReady { lease: LeaseId(2) }),
        (14, Fact::PhaseBegan(Phase::Test)),
        (14, verdict(4, VerdictKind::Skipped, "needs a network", 0)),
        (14, started(1, 2, &[0, 1])),
        (14, started(2, 3, &[2, 3])),
        (16, ended(2, Err(lost()))),
        (16, verdict(2, VerdictKind::Passed, "", 2)),
        (16, Fact::LeaseEnded { lease: LeaseId(3), lost: Some(lost()) }),
        (17, ended(1, Ok(CommandEnd::Exited(1)))),
        (17, verdict(0, VerdictKind::Passed, "", 1)),
        (17, verdict(1, VerdictKind::Failed, "assert 1 == 2", 1)),
        (17, started(3, 2, &[3])),
        (18, ended(3, Ok(CommandEnd::Exited(0)))),
        (18, verdict(3, VerdictKind::Passed, "", 3)),
        (18, Fact::LeaseEnded { lease: LeaseId(2), lost: None }),
        (18, Fact::PhaseBegan(Phase::Done)),
        (18, failed()),
    ]
}

fn failed() -> Fact {
    let lower_bound = Duration::from_millis(1500);
    let certificate = Certificate { lower_bound, machines: 2, tests: 5, judged: 5, ..Certificate::default() };
    Fact::Ended { outcome: Outcome::Failed { cause: "1 test failed".into() }, certificate: Box::new(certificate) }
}

fn fold(happenings: &[(u64, Fact)]) -> BuildFacts {
    let at = |seconds: u64| Time::from_nanos((SUBMITTED + seconds) * 1_000_000_000);
    let record = |(seconds, fact): &(u64, Fact)| Record { build: BuildId(17), at: at(*seconds), fact: fact.clone() };
    let records: Vec<Record> = happenings.iter().map(record).collect();
    BuildFacts::fold(&records).expect("it begins with its submission")
}

fn eventful() -> Trace {
    let origin = Origin { version: Some("v1.2"), trust: "try", by: "ci", ..Origin::default() };
    trace_of(&fold(&happenings()), &origin).expect("it ended")
}

fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Texts(texts) => format!("{texts:?}"),
        Value::Number(number) => number.to_string(),
        Value::Seconds(seconds) => format!("{seconds}s"),
        Value::Flag(flag) => flag.to_string(),
    }
}

/// What is told of something, in lines that can be read.
fn tell(text: &mut String, indent: &str, attributes: &[(&str, Value)]) {
    let mut line = String::new();
    for (name, value) in attributes {
        let told = format!("{name}={}", written(value));
        if !line.is_empty() && line.len() + told.len() > 90 {
            *text += &format!("{indent}  {line}\n");
            line.clear();
        }
        line += if line.is_empty() { "" } else { " " };
        line += &told;
    }
    if !line.is_empty() {
        *text += &format!("{indent}  {line}\n");
    }
}

/// The spans below one, each with what is told of it; what ids say is the indentation.
fn write(text: &mut String, trace: &Trace, span: &Span, depth: usize) {
    let since = |at: Time| at.as_nanos() / 1_000_000_000 - SUBMITTED;
    let indent = "  ".repeat(depth);
    *text += &format!("{indent}{}..{} {}\n", since(span.start), since(span.end), span.name);
    tell(text, &indent, &span.attributes);
    if let Some(error) = &span.error {
        *text += &format!("{indent}  ! {error}\n");
    }
    for event in &span.events {
        *text += &format!("{indent}  @{} {}\n", since(event.at), event.name);
        tell(text, &format!("{indent}  "), &event.attributes);
    }
    for child in trace.spans.iter().filter(|child| child.parent == Some(span.id)) {
        write(text, trace, child, depth + 1);
    }
}

fn shown(trace: &Trace) -> String {
    let mut text = String::new();
    write(&mut text, trace, &trace.spans[0], 0);
    text
}

#[test]
fn everything_that_took_time_is_a_span() {
    insta::assert_snapshot!(shown(&eventful()), @r#"
    0..18 BUILD app/pytest
      cicd.pipeline.name=app/pytest cicd.pipeline.run.id=17 cicd.pipeline.action.name=BUILD
      cicd.pipeline.result=failure error.type=test_failed muster.project=app
      muster.builder=pytest muster.rev=sha256:00 muster.outcome=failed muster.cause=1 test failed
      muster.version=v1.2 muster.trust=try muster.by=ci
      muster.plugins=["builder pytest sha256:01"] muster.plugin_faults=0
      muster.snapshot.reused=false muster.tests=5 muster.tests.passed=3 muster.tests.failed=1
      muster.tests.skipped=1 muster.tests.lower_bound=1.5s muster.tests.aggregate=0s
      muster.machines=2
      ! 1 test failed
      @9 coordinator restarted
        muster.machines.adopted=1 muster.machines.given_up=0
      0..2 queue
        cicd.pipeline.task.name=queue cicd.pipeline.task.run.id=queue-0
        cicd.pipeline.task.run.result=success
      2..3 acquire
        cicd.pipeline.task.name=acquire cicd.pipeline.task.run.id=acquire-1
        cicd.pipeline.task.run.result=success
      3..4 prepare
        cicd.pipeline.task.name=prepare cicd.pipeline.task.run.id=prepare-2
        cicd.pipeline.task.run.result=success cicd.worker.name=local-1
      4..5 make
        cicd.pipeline.task.name=make cicd.pipeline.task.run.id=make-3 cicd.pipeline.task.type=build
        cicd.pipeline.task.run.result=error error.type=machine_lost cicd.worker.name=local-1
        ! machine lost: no answer for 5 s
      5..6 acquire
        cicd.pipeline.task.name=acquire cicd.pipeline.task.run.id=acquire-4
        cicd.pipeline.task.run.result=success
      6..7 prepare
        cicd.pipeline.task.name=prepare cicd.pipeline.task.run.id=prepare-5
        cicd.pipeline.task.run.result=success cicd.worker.name=local-2
      7..11 make
        cicd.pipeline.task.name=make cicd.pipeline.task.run.id=make-6 cicd.pipeline.task.type=build
        cicd.pipeline.task.run.result=success cicd.worker.name=local-2
      11..12 snapshot
        cicd.pipeline.task.name=snapshot cicd.pipeline.task.run.id=snapshot-7
        cicd.pipeline.task.run.result=success cicd.worker.name=local-2
      12..14 list
        cicd.pipeline.task.name=list cicd.pipeline.task.run.id=list-8
        cicd.pipeline.task.run.result=success cicd.worker.name=local-2
      14..18 test
        cicd.pipeline.task.name=test cicd.pipeline.task.run.id=test-9 cicd.pipeline.task.type=test
        cicd.pipeline.task.run.result=failure error.type=test_failed
        ! 1 test failed
      3..5 machine
        cicd.worker.name=local-1 muster.lease=l1 muster.role=main muster.pool=local
        muster.host_type=local muster.machine=here muster.result=error error.type=machine_lost
        ! machine lost: no answer for 5 s
        @5 machine lost
      6..18 machine
        cicd.worker.name=local-2 muster.lease=l2 muster.role=main muster.pool=local
        muster.host_type=local muster.machine=here muster.result=success
        14..17 attempt
          cicd.pipeline.task.name=attempt cicd.pipeline.task.run.id=a1 cicd.pipeline.task.type=test
          cicd.pipeline.task.run.result=failure error.type=test_failed cicd.worker.name=local-2
          muster.tests=2 muster.tests.passed=1 muster.tests.failed=1 muster.exec.overhead=0.25s
          ! 1 of 2 tests failed
          @17 test failed
            test.case.name=two test.case.result.status=fail muster.cause=assert 1 == 2
        17..18 attempt
          cicd.pipeline.task.name=attempt cicd.pipeline.task.run.id=a3 cicd.pipeline.task.type=test
          cicd.pipeline.task.run.result=success cicd.worker.name=local-2 muster.tests=1
          muster.tests.passed=1 test.case.name=four muster.exec.overhead=0.25s
      10..16 machine
        cicd.worker.name=local-3 muster.lease=l3 muster.role=helper muster.pool=local
        muster.host_type=local muster.machine=here muster.result=error error.type=machine_lost
        ! machine lost: no answer for 5 s
        @16 machine lost
        11..13 set-up
          cicd.pipeline.task.name=set-up cicd.pipeline.task.run.id=set-up-l3
          cicd.pipeline.task.run.result=success cicd.worker.name=local-3
        14..16 attempt
          cicd.pipeline.task.name=attempt cicd.pipeline.task.run.id=a2 cicd.pipeline.task.type=test
          cicd.pipeline.task.run.result=error error.type=machine_lost cicd.worker.name=local-3
          muster.tests=2 muster.tests.passed=1
          ! machine lost: no answer for 5 s
    "#);
}

#[test]
fn it_is_one_tree_and_the_same_each_time() {
    let trace = eventful();
    assert_eq!(trace, eventful());
    let ids: BTreeSet<SpanId> = trace.spans.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), trace.spans.len(), "no id is given twice");
    let (root, within) = trace.spans.split_first().expect("a build is a span");
    assert_eq!(root.parent, None);
    for span in within {
        assert!(span.parent.is_some_and(|parent| ids.contains(&parent)), "{}", span.name);
        assert!(root.start <= span.start && span.start <= span.end && span.end <= root.end, "{}", span.name);
    }
    let mut others = happenings();
    others[0].0 = 1;
    let other = trace_of(&fold(&others), &Origin::default()).expect("it ended");
    assert_ne!((other.id, other.spans[1].id), (trace.id, trace.spans[1].id), "another build with this number");
}

#[test]
fn attempts_add_up_to_the_tests() {
    let trace = eventful();
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for span in trace.spans.iter().filter(|span| span.name == "attempt") {
        for (name, value) in &span.attributes {
            if let Value::Number(number) = value {
                *sums.entry(name).or_default() += number;
            }
        }
    }
    // The one that was skipped was in no attempt; and one was in two.
    assert_eq!((sums["muster.tests.passed"], sums["muster.tests.failed"], sums["muster.tests"]), (3, 1, 5));
}

#[test]
fn a_build_that_is_asked_for_in_a_trace_is_part_of_it() {
    let parent = Parent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect("it is valid");
    let origin = Origin { parent: Some(parent), ..Origin::default() };
    let trace = trace_of(&fold(&happenings()), &origin).expect("it ended");
    assert_eq!((trace.id, trace.spans[0].parent), (parent.trace, Some(parent.span)));
    assert_eq!(trace.spans[0].id, eventful().spans[0].id, "what it is of says which span it is");
}

#[test]
fn a_build_has_a_trace_when_it_is_over_and_however_it_ended() {
    let mut happenings = happenings();
    let outcome = Outcome::Canceled { cause: "changed my mind".into() };
    let end = |outcome| Fact::Ended { outcome, certificate: Box::default() };
    happenings.truncate(1);
    assert_eq!(trace_of(&fold(&happenings), &Origin::default()), None);
    happenings.extend([(5, Fact::PhaseBegan(Phase::Done)), (5, end(outcome))]);
    let canceled = trace_of(&fold(&happenings), &Origin::default()).expect("it ended");
    insta::assert_snapshot!(shown(&canceled), @r#"
    0..5 BUILD app/pytest
      cicd.pipeline.name=app/pytest cicd.pipeline.run.id=17 cicd.pipeline.action.name=BUILD
      cicd.pipeline.result=cancellation muster.project=app muster.builder=pytest
      muster.rev=sha256:00 muster.outcome=canceled muster.cause=changed my mind
      muster.plugins=["builder pytest sha256:01"] muster.plugin_faults=0 muster.tests=0
      muster.tests.lower_bound=0s muster.tests.aggregate=0s muster.machines=0
      0..5 queue
        cicd.pipeline.task.name=queue cicd.pipeline.task.run.id=queue-0
        cicd.pipeline.task.run.result=cancellation
    "#);
    happenings[1..].clone_from_slice(&[
        (5, Fact::PhaseBegan(Phase::Make)),
        (9, end(Outcome::Errored { cause: "the disk is full".into() })),
    ]);
    let errored = trace_of(&fold(&happenings), &Origin::default()).expect("it ended");
    insta::assert_snapshot!(shown(&errored), @r#"
    0..9 BUILD app/pytest
      cicd.pipeline.name=app/pytest cicd.pipeline.run.id=17 cicd.pipeline.action.name=BUILD
      cicd.pipeline.result=error error.type=_OTHER muster.project=app muster.builder=pytest
      muster.rev=sha256:00 muster.outcome=errored muster.cause=the disk is full
      muster.plugins=["builder pytest sha256:01"] muster.plugin_faults=0 muster.tests=0
      muster.tests.lower_bound=0s muster.tests.aggregate=0s muster.machines=0
      ! the disk is full
      0..5 queue
        cicd.pipeline.task.name=queue cicd.pipeline.task.run.id=queue-0
        cicd.pipeline.task.run.result=success
      5..9 make
        cicd.pipeline.task.name=make cicd.pipeline.task.run.id=make-1 cicd.pipeline.task.type=build
        cicd.pipeline.task.run.result=error error.type=_OTHER
        ! the disk is full
    "#);
}

/// A build whose every test fails, one by one, is told in requests that collectors take.
#[test]
fn a_large_build_is_sent_in_parts() {
    let mut happenings = happenings();
    let count = 3_000_u32;
    let test = |index: u32| Test { name: format!("test_{index}"), ..Test::default() };
    // Without its end.
    happenings.truncate(happenings.len() - 2);
    happenings.push((18, Fact::TestsListed((0..count).map(test).collect())));
    for index in 0..count {
        let attempt = 100 + u64::from(index);
        happenings.push((18, started(attempt, 2, &[index])));
        happenings.push((19, ended(attempt, Ok(CommandEnd::Exited(1)))));
        happenings.push((19, verdict(index, VerdictKind::Failed, &"x".repeat(10_000), attempt)));
    }
    happenings.push((20, failed()));
    let trace = trace_of(&fold(&happenings), &Origin::default()).expect("it ended");
    let lengths: Vec<usize> = report::otlp::requests(&trace, "muster").iter().map(Vec::len).collect();
    assert!(lengths.len() > 1 && lengths.iter().all(|length| *length < 4 << 20), "{lengths:?}");
    let few = trace_of(&fold(&self::happenings()), &Origin::default()).expect("it ended");
    assert_eq!(report::otlp::requests(&few, "muster").len(), 1);
}
