//! A build that ran and ended, as its records tell it.

use std::time::Duration;

use engine::{
    AttemptId, BuildId, BuildSpec, Certificate, CommandEnd, Fact, LeaseId, Machine, Outcome, Phase, PluginRef, Record,
    Role, Test, TestIndex, Time, Verdict, VerdictKind,
};
use service::{Kept, Submission};
use store::{BuildHeader, Commit, FinishedBuild, RecordRow, Store};

/// When it was submitted: 2026-08-01.
const SUBMITTED: u64 = 1_785_542_400_000_000_000;

/// What the engine is told of any build here.
pub(crate) fn spec(build: BuildId) -> BuildSpec {
    BuildSpec {
        rev: "sha256:00".to_owned(),
        max_helpers: 2,
        reuse_snapshot: true,
        plugins: vec![("builder".to_owned(), PluginRef { name: "pytest".to_owned(), digest: "sha256:01".to_owned() })],
        ..BuildSpec::plain(build, "demo", "pytest", "local")
    }
}

/// The facts of a build of four tests, one of which fails.
pub(crate) fn facts(build: BuildId) -> Vec<Fact> {
    let machine = Machine {
        name: "local-1".to_owned(),
        host_type: "local".to_owned(),
        machine: "here".to_owned(),
        pool: "local".to_owned(),
    };
    let test = |name: &str| Test {
        name: name.to_owned(),
        suite: "suite".to_owned(),
        case: name.to_owned(),
        ..Test::default()
    };
    let verdict = |test: u32, kind, cause: &str| Fact::Verdict {
        test: TestIndex(test),
        verdict: Verdict {
            kind,
            cause: cause.to_owned(),
            duration: Some(Duration::from_millis(250)),
            attempt: Some(AttemptId(1)),
        },
    };
    vec![
        Fact::Submitted(Box::new(spec(build))),
        Fact::PhaseBegan(Phase::Queue),
        Fact::PhaseBegan(Phase::Acquire),
        Fact::LeaseGranted { lease: LeaseId(1), role: Role::Main, machine },
        Fact::PhaseBegan(Phase::Make),
        Fact::LeaseReady { lease: LeaseId(1) },
        Fact::PhaseBegan(Phase::List),
        Fact::TestsListed(["one", "two", "three", "four"].map(test).into()),
        Fact::PhaseBegan(Phase::Test),
        Fact::AttemptStarted { attempt: AttemptId(1), lease: LeaseId(1), tests: (0..4).map(TestIndex).collect() },
        Fact::AttemptEnded {
            attempt: AttemptId(1),
            end: Ok(CommandEnd::Exited(1)),
            took: Duration::from_secs(1),
            overhead: None,
            notes: Vec::new(),
        },
        verdict(0, VerdictKind::Passed, ""),
        verdict(1, VerdictKind::Failed, "assert 1 == 2"),
        verdict(2, VerdictKind::Passed, ""),
        verdict(3, VerdictKind::Skipped, "needs a network"),
        Fact::PhaseBegan(Phase::Done),
        Fact::LeaseEnded { lease: LeaseId(1), lost: None },
        Fact::Ended {
            outcome: Outcome::Failed { cause: "1 test failed".to_owned() },
            certificate: Box::new(Certificate { tests: 4, judged: 4, ..Certificate::default() }),
        },
    ]
}

/// Puts such a build into a store, as `by` submitted it.
pub(crate) async fn ended(store: &Store, by: &str) -> anyhow::Result<BuildId> {
    let build = store.next_build().await?;
    let epoch = store.claim_epoch(&format!("seed-{build}")).await?;
    let at = |step: usize| Time::from_nanos(SUBMITTED + step as u64 * 1_000_000_000);
    let facts = facts(build);
    let last = facts.len() - 1;
    let record = |(step, fact): (usize, &Fact)| {
        let json = serde_json::to_string(&Record { build, at: at(step), fact: fact.clone() })?;
        anyhow::Ok(RecordRow { build, seq: step as u64 + 1, json })
    };
    let submission =
        Submission { tree: format!("sha256:{}", "0".repeat(64)), by: by.to_owned(), ..Submission::default() };
    let kept = Kept::new(submission, coordinator::ports::LogFormat::Plain, serde_json::Value::Null);
    let spec = spec(build);
    let header = BuildHeader {
        build,
        project: spec.project,
        builder: spec.builder,
        rev: spec.rev,
        started: at(0),
        submission: serde_json::to_string(&kept)?,
    };
    let finished =
        FinishedBuild { build, ended: at(last), outcome: "failed".to_owned(), summary_json: "{}".to_owned() };
    let commit = Commit {
        begun: vec![header],
        records: facts.iter().enumerate().map(record).collect::<anyhow::Result<_>>()?,
        finished: vec![finished],
        ..Commit::default()
    };
    store.commit(&epoch, &commit).await?;
    Ok(build)
}
