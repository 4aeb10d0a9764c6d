//! The trace of a build in which a machine was lost, a test failed and the coordinator was started again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use engine::{
    AttemptId, BuildFacts, BuildId, BuildSpec, Certificate, CommandEnd, ExecFailure, ExecFailureKind, Fact, LeaseId,
    Limits, Machine, Outcome, Phase, Phases, PluginRef, Record, Role, SnapshotInfo, Test, TestIndex, Time, Verdict,
    VerdictKind,
};
use report::trace::{Origin, Parent, Span, SpanId, Trace, Value, trace_of};

/// When it was submitted: 2026-08-01.
const SUBMITTED: u64 = 1_785_542_400;

fn spec() -> BuildSpec {
    BuildSpec {
        build: BuildId(17),
        project: "app".into(),
        builder: "pytest".into(),
        rev: "sha256:00".into(),
        make_host_type: "local".into(),
        test_host_type: "local".into(),
        max_helpers: 1,
        elastic: true,
        priority: 0,
        fail_fast: false,
        reuse_snapshot: true,
        retries: 0,
        one_command: false,
        parsed: true,
        phases: Phases::default(),
        limits: Limits::default(),
        plugins: vec![("builder".into(), PluginRef { name: "pytest".into(), digest: "sha256:01".into() })],
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

/// The spans below one, each with what is told of it; what ids say is the indentation.
fn write(text: &mut String, trace: &Trace, span: &Span, depth: usize) {
    let since = |at: Time| at.as_nanos() / 1_000_000_000 - SUBMITTED;
    let indent = "  ".repeat(depth);
    let told = |attributes: &[(&str, Value)]| -> Vec<String> {
        attributes.iter().map(|(name, value)| format!("{name}={}", written(value))).collect()
    };
    let (start, end) = (since(span.start), since(span.end));
    writeln!(text, "{indent}{start}..{end} {} | {}", span.name, told(&span.attributes).join(" ")).expect("it is text");
    if let Some(error) = &span.error {
        writeln!(text, "{indent}  ! {error}").expect("it is text");
    }
    for event in &span.events {
        let told = told(&event.attributes).join(" ");
        writeln!(text, "{indent}  @{} {} | {told}", since(event.at), event.name).expect("it is text");
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
    insta::assert_snapshot!(shown(&eventful()), @"");
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
    insta::assert_snapshot!(shown(&canceled), @"");
    happenings[1..].clone_from_slice(&[
        (5, Fact::PhaseBegan(Phase::Make)),
        (9, end(Outcome::Errored { cause: "the disk is full".into() })),
    ]);
    let errored = trace_of(&fold(&happenings), &Origin::default()).expect("it ended");
    insta::assert_snapshot!(shown(&errored), @"");
}

/// A build whose every test fails, one by one, is told in requests that collectors take.
#[test]
fn a_large_build_is_sent_in_parts() {
    let mut happenings = happenings();
    let count = 5_000_u32;
    let test = |index: u32| Test { name: format!("test_{index}"), ..Test::default() };
    // Without its end.
    happenings.truncate(happenings.len() - 2);
    happenings.push((18, Fact::TestsListed((0..count).map(test).collect())));
    for index in 0..count {
        let attempt = 100 + u64::from(index);
        happenings.push((18, started(attempt, 2, &[index])));
        happenings.push((19, ended(attempt, Ok(CommandEnd::Exited(1)))));
        happenings.push((19, verdict(index, VerdictKind::Failed, &"x".repeat(100_000), attempt)));
    }
    happenings.push((20, failed()));
    let trace = trace_of(&fold(&happenings), &Origin::default()).expect("it ended");
    let lengths: Vec<usize> = report::otlp::requests(&trace, "muster").iter().map(Vec::len).collect();
    assert!(lengths.len() > 1 && lengths.iter().all(|length| *length < 4 << 20), "{lengths:?}");
    let few = trace_of(&fold(&self::happenings()), &Origin::default()).expect("it ended");
    assert_eq!(report::otlp::requests(&few, "muster").len(), 1);
}
