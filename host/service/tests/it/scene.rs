//! Builds as records, moment by moment: what pages are looked at with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::{
    AttemptId, BuildId, Certificate, CommandEnd, Estimate, EstimateSource, ExecFailure, ExecFailureKind, Fact, LeaseId,
    Machine, Outcome, Phase, Phases, PluginRef, Record, Role, Test, TestIndex, Time, Verdict, VerdictKind,
};
use service::ports::{PoolMachine, PoolView};
use service::view::MachineWord;
use service::{Kept, Submission};
use store::{BuildHeader, Commit, Epoch, FinishedBuild, RecordRow, Store};

use crate::recorded::spec;

/// Text that would be markup if anybody let it.
pub(crate) const HOSTILE: &str = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>\"'&";

/// A build that is being put into a store.
pub(crate) struct Scene {
    store: Store,
    epoch: Epoch,
    pub(crate) build: BuildId,
    began_ns: u64,
    seq: u64,
}

impl Scene {
    /// A build that was submitted so many seconds ago.
    pub(crate) async fn begin(store: &Store, project: &str, seconds_ago: u64) -> anyhow::Result<Scene> {
        let build = store.next_build().await?;
        let epoch = store.claim_epoch(&format!("scene-{build}")).await?;
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
        let began_ns = now - seconds_ago * 1_000_000_000;
        let mut scene = Scene { store: store.clone(), epoch, build, began_ns, seq: 0 };
        let spec = engine::BuildSpec { project: project.to_owned(), ..spec(build) };
        let submission =
            Submission { tree: format!("sha256:{}", "0".repeat(64)), by: "ada".to_owned(), ..Submission::default() };
        let kept = Kept::new(submission, coordinator::ports::LogFormat::Plain, serde_json::Value::Null);
        let header = BuildHeader {
            build,
            project: project.to_owned(),
            builder: spec.builder.clone(),
            rev: spec.rev.clone(),
            started: Time::from_nanos(began_ns),
            submission: serde_json::to_string(&kept)?,
        };
        let records = vec![scene.row(0.0, Fact::Submitted(Box::new(spec)))?];
        scene.commit(Commit { begun: vec![header], records, ..Commit::default() }).await?;
        Ok(scene)
    }

    fn row(&mut self, at_s: f64, fact: Fact) -> anyhow::Result<RecordRow> {
        self.seq += 1;
        let at = Time::from_nanos(self.began_ns + (at_s * 1e9) as u64);
        let json = serde_json::to_string(&Record { build: self.build, at, fact })?;
        Ok(RecordRow { build: self.build, seq: self.seq, json })
    }

    async fn commit(&self, commit: Commit) -> anyhow::Result<()> {
        Ok(self.store.commit(&self.epoch, &commit).await?)
    }

    /// What happens next, each so many seconds after the submission.
    pub(crate) async fn go(&mut self, facts: Vec<(f64, Fact)>) -> anyhow::Result<()> {
        let records = facts.into_iter().map(|(at, fact)| self.row(at, fact)).collect::<anyhow::Result<_>>()?;
        self.commit(Commit { records, ..Commit::default() }).await
    }

    /// The build ends, and all that belongs to it is complete.
    pub(crate) async fn end(&mut self, at_s: f64, outcome: Outcome, certificate: Certificate) -> anyhow::Result<()> {
        let finished = self.end_incomplete(at_s, outcome, certificate).await?;
        self.finish(finished).await
    }

    /// The build ends, and what belongs to it is being completed: what [`finish`](Scene::finish) is then told.
    pub(crate) async fn end_incomplete(
        &mut self,
        at_s: f64,
        outcome: Outcome,
        certificate: Certificate,
    ) -> anyhow::Result<FinishedBuild> {
        let finished = FinishedBuild {
            build: self.build,
            ended: Time::from_nanos(self.began_ns + (at_s * 1e9) as u64),
            outcome: outcome.word().to_owned(),
            summary_json: serde_json::to_string(&(&outcome, &certificate))?,
        };
        let over = Fact::PhaseBegan(Phase::Done);
        let ended = Fact::Ended { outcome, certificate: Box::new(certificate) };
        let records = vec![self.row(at_s, over)?, self.row(at_s, ended)?];
        self.commit(Commit { records, ..Commit::default() }).await?;
        Ok(finished)
    }

    /// All that belongs to the build is complete.
    pub(crate) async fn finish(&self, finished: FinishedBuild) -> anyhow::Result<()> {
        self.commit(Commit { finished: vec![finished], ..Commit::default() }).await
    }

    /// Up to the test phase, at 12 s: three machines, and tests of these names with a second expected of each.
    pub(crate) async fn reach_tests(&mut self, names: &[String]) -> anyhow::Result<()> {
        let lease = |id: u64, role| Fact::LeaseGranted { lease: LeaseId(id), role, machine: machine(id) };
        let test = |name: &String| Test {
            name: name.clone(),
            suite: "tests.api".to_owned(),
            case: name.clone(),
            ..Test::default()
        };
        let (expected, deviation) = (Duration::from_secs(1), Duration::from_millis(100));
        let estimate = Estimate { expected, deviation, source: EstimateSource::Table };
        let by = PluginRef { name: "history".to_owned(), digest: "sha256:02".to_owned() };
        let estimated = Fact::Estimated { tests: vec![estimate; names.len()], phases: Phases::default(), by };
        self.go(vec![
            (0.0, Fact::PhaseBegan(Phase::Queue)),
            (1.0, Fact::PhaseBegan(Phase::Acquire)),
            (1.5, lease(1, Role::Main)),
            (1.5, Fact::PhaseBegan(Phase::Prepare)),
            (2.0, Fact::PhaseBegan(Phase::Make)),
            (9.0, Fact::LeaseReady { lease: LeaseId(1) }),
            (9.0, Fact::PhaseBegan(Phase::Snapshot)),
            (9.5, lease(2, Role::Helper)),
            (9.6, lease(3, Role::Helper)),
            (10.0, Fact::PhaseBegan(Phase::List)),
            (11.5, Fact::TestsListed(names.iter().map(test).collect())),
            (11.6, estimated),
            (12.0, Fact::PhaseBegan(Phase::Test)),
            (12.0, Fact::LeaseReady { lease: LeaseId(2) }),
            (12.1, Fact::LeaseReady { lease: LeaseId(3) }),
        ])
        .await
    }

    /// A group runs on a machine and ends with these verdicts.
    pub(crate) async fn group(
        &mut self,
        attempt: u64,
        lease: u64,
        span: (f64, f64),
        verdicts: &[(u32, VerdictKind, &str)],
    ) -> anyhow::Result<()> {
        let bad = verdicts.iter().any(|(_, kind, _)| *kind == VerdictKind::Failed);
        let tests = verdicts.iter().map(|(test, ..)| TestIndex(*test)).collect();
        let took = Duration::from_secs_f64(span.1 - span.0);
        let mut facts = vec![
            (span.0, Fact::AttemptStarted { attempt: AttemptId(attempt), lease: LeaseId(lease), tests }),
            (
                span.1,
                Fact::AttemptEnded {
                    attempt: AttemptId(attempt),
                    end: Ok(CommandEnd::Exited(i32::from(bad))),
                    took,
                    overhead: None,
                    notes: Vec::new(),
                },
            ),
        ];
        for (test, kind, cause) in verdicts {
            let verdict = Verdict {
                kind: *kind,
                cause: (*cause).to_owned(),
                duration: Some(took / u32::try_from(verdicts.len()).unwrap_or(1)),
                attempt: Some(AttemptId(attempt)),
            };
            facts.push((span.1, Fact::Verdict { test: TestIndex(*test), verdict }));
        }
        self.go(facts).await
    }
}

/// A machine of the local pool.
pub(crate) fn machine(id: u64) -> Machine {
    Machine {
        name: format!("local-{id}"),
        host_type: "local".to_owned(),
        machine: "here".to_owned(),
        pool: "local".to_owned(),
    }
}

/// A build that failed in every way a build can: a hostile name, a lost machine, a restart, a skipped test.
pub(crate) async fn failed(store: &Store, logs: &logs::LogStore) -> anyhow::Result<BuildId> {
    let mut scene = Scene::begin(store, "shop", 340).await?;
    let mut names: Vec<String> =
        (0..60).map(|number| format!("tests/api/test_orders.py::test_case_{number}")).collect();
    HOSTILE.clone_into(&mut names[3]);
    scene.reach_tests(&names).await?;
    let passed = |from: u32, to: u32| (from..to).map(|test| (test, VerdictKind::Passed, "")).collect::<Vec<_>>();
    scene.group(1, 1, (12.1, 19.0), &[passed(0, 3), vec![(3, VerdictKind::Failed, HOSTILE)]].concat()).await?;
    scene.group(2, 2, (12.2, 17.5), &passed(4, 22)).await?;
    scene.go(vec![(20.0, Fact::Restarted { leases: vec![LeaseId(1), LeaseId(2), LeaseId(3)] })]).await?;
    let lost = ExecFailure::new(ExecFailureKind::MachineLost, "no answer for 30 s");
    let back = [1, 2].map(|lease| (21.0, Fact::LeaseAdopted { lease: LeaseId(lease) }));
    scene
        .go(back.into_iter().chain([(24.0, Fact::LeaseEnded { lease: LeaseId(3), lost: Some(lost) })]).collect())
        .await?;
    let failing =
        [(40, VerdictKind::Failed, "AssertionError: assert 502 == 200"), (41, VerdictKind::Skipped, "needs a network")];
    scene.group(3, 1, (19.2, 31.0), &[passed(22, 40), failing.to_vec()].concat()).await?;
    scene
        .group(
            4,
            2,
            (24.5, 33.0),
            &[passed(42, 59), vec![(59, VerdictKind::Flaky, "failed once, passed once")]].concat(),
        )
        .await?;
    for lease in [1, 2] {
        scene.go(vec![(34.0, Fact::LeaseEnded { lease: LeaseId(lease), lost: None })]).await?;
    }
    let certificate = Certificate {
        took: Duration::from_secs(34),
        tests_took: Duration::from_secs(22),
        lower_bound: Duration::from_secs(15),
        aggregate: Duration::from_secs(61),
        machines: 3,
        tests: 60,
        judged: 60,
        ..Certificate::default()
    };
    scene.end(34.0, Outcome::Failed { cause: "2 tests failed".to_owned() }, certificate).await?;
    write_logs(logs, scene.build).await?;
    Ok(scene.build)
}

/// What such a build printed.
async fn write_logs(logs: &logs::LogStore, build: BuildId) -> anyhow::Result<()> {
    let mut view = logs.writer(build.0, "view/a3").await?;
    view.append(b"== a3 on local-1\n\x1b[31mE   AssertionError: assert 502 == 200\x1b[0m\nE    +  where 502 = <Response [502]>.status_code\n").await?;
    view.finish().await?;
    let mut log = logs.writer(build.0, "log").await?;
    log.append(sample_log().as_bytes()).await?;
    log.finish().await?;
    let hostile = format!("{HOSTILE}\n\x1b[31mE   AssertionError\x1b[0m\n");
    let execs = [
        ("make-l1-0", "installing what is needed\n\x1b[33mwarning: a requirement has no version:\n    flask\x1b[0m\n"),
        ("list-l1", "60 tests collected"),
        ("a1", "tests/api/test_orders.py::test_case_0 \x1b[32mPASSED\x1b[0m\n"),
        ("a2", "of another machine\n"),
        ("a3", hostile.as_str()),
    ];
    for (name, output) in execs {
        let mut exec = logs.writer(build.0, &format!("exec/{name}")).await?;
        exec.append(output.as_bytes()).await?;
        exec.finish().await?;
    }
    Ok(())
}

/// What pytest prints, in colours, with a hostile line and a very long one.
pub(crate) fn sample_log() -> String {
    let mut log = String::from("\x1b[1m============ test session starts ============\x1b[0m\n");
    for number in 0..300 {
        log += &format!(
            "tests/api/test_orders.py::test_case_{number} \x1b[32mPASSED\x1b[0m\x1b[32m [{:>3}%]\x1b[0m\n",
            number / 3
        );
    }
    log += &format!("{HOSTILE}\n");
    log += &format!("one long line: {}\n", "0123456789".repeat(900));
    log += "\x1b[31mFAILED\x1b[0m tests/api/test_orders.py::test_case_40 - \x1b[1mAssertionError\x1b[0m: assert 502 == 200\n";
    // A colour that goes on over the end of its line.
    log += "\x1b[31mE   assert 502 == 200\nE    +  where 502 = <Response [502]>.status_code\x1b[0m\n";
    log + "\x1b[31m============ \x1b[1m2 failed\x1b[0m, \x1b[32m56 passed\x1b[0m\x1b[31m in 22.01s ============\x1b[0m\n"
}

/// A build in its test phase: half of its tests are done.
pub(crate) async fn running(store: &Store, logs: &logs::LogStore) -> anyhow::Result<Scene> {
    let mut scene = Scene::begin(store, "warehouse", 25).await?;
    let names: Vec<String> = (0..80).map(|number| format!("tests/stock/test_bins.py::test_bin_{number}")).collect();
    scene.reach_tests(&names).await?;
    let passed = |from: u32, to: u32| (from..to).map(|test| (test, VerdictKind::Passed, "")).collect::<Vec<_>>();
    scene.group(1, 1, (12.1, 18.0), &passed(0, 20)).await?;
    scene.group(2, 2, (12.2, 20.5), &passed(20, 41)).await?;
    let tests = (41..50).map(TestIndex).collect();
    scene.go(vec![(18.1, Fact::AttemptStarted { attempt: AttemptId(3), lease: LeaseId(1), tests })]).await?;
    let mut log = logs.writer(scene.build.0, "log").await?;
    log.append(sample_log().as_bytes()).await?;
    log.flush().await?;
    Ok(scene)
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> anyhow::Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Pools in every state, whose machines serve this build.
pub(crate) fn pools(build: u64) -> Vec<PoolView> {
    let now = now_ms().unwrap_or_default();
    let machine = |name: &str, state: MachineWord, seconds: u64| PoolMachine {
        name: name.to_owned(),
        state,
        since_ms: now - 1_000 * seconds,
        ..PoolMachine::default()
    };
    let held = |lease: u64, state: MachineWord, seconds: u64| PoolMachine {
        host_type: "local".to_owned(),
        build: Some(build),
        lease: Some(lease),
        ..machine(&format!("local-{lease}"), state, seconds)
    };
    let local = vec![
        held(1, MachineWord::Held, 25),
        PoolMachine { adopted: true, ..held(2, MachineWord::Held, 16) },
        held(4, MachineWord::BeingMade, 2),
    ];
    let lost = "failed to connect: nothing answers at 10.0.0.7:8080".to_owned();
    let by_url = vec![
        PoolMachine { cause: Some(lost), ..machine("10.0.0.7:8080", MachineWord::Lost, 70) },
        machine("10.0.0.8:8080", MachineWord::Free, 4_000),
        machine("10.0.0.9:8080", MachineWord::Leaving, 1),
    ];
    let pool = |name: &str, kind: &str, total: u32| PoolView {
        name: name.to_owned(),
        kind: kind.to_owned(),
        total: Some(total),
        ..PoolView::default()
    };
    let host_types = vec!["local".to_owned()];
    vec![
        PoolView { in_use: 3, machines: local, host_types: host_types.clone(), ..pool("local", "local", 8) },
        PoolView { machines: by_url, host_types, ..pool("rack", "url", 3) },
        PoolView { unused: true, ..pool("cloud", "gce", 40) },
    ]
}
