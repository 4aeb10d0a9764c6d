//! What a store must do on either database. Each check gets an empty one.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use engine::{BuildId, Time};
use store::{
    BuildHeader, Cause, Commit, Epoch, FinishedBuild, MAX_READ, Observation, Phase, PhaseObserved, RecordRow, Series,
    Settings, Store, StoreError, TestObserved,
};

/// A check of one empty database.
pub(crate) type Check = fn(String) -> Pin<Box<dyn Future<Output = ()>>>;

/// Names are names of databases, too.
pub(crate) const ALL: &[(&str, Check)] = &[
    ("records", |place| Box::pin(records_come_back_in_order(place))),
    ("all_or_nothing", |place| Box::pin(a_commit_is_all_or_nothing(place))),
    ("epochs", |place| Box::pin(only_the_newest_epoch_commits(place))),
    ("finished", |place| Box::pin(finished_builds_are_rows(place))),
    ("numbers", |place| Box::pin(numbers_are_given_once(place))),
    ("series", |place| Box::pin(series_are_never_mixed(place))),
    ("newest", |place| Box::pin(the_newest_are_read(place))),
    ("concurrent", |place| Box::pin(concurrent_builds_lose_no_observation(place))),
    ("phases", |place| Box::pin(phases_are_apart_from_tests(place))),
    ("forgotten", |place| Box::pin(tests_that_are_gone_are_forgotten(place))),
    ("hundred_thousand", |place| Box::pin(a_hundred_thousand_tests(place))),
];

pub(crate) async fn open(place: &str) -> Store {
    Store::open(place, &Settings::default()).await.unwrap()
}

pub(crate) fn header(build: BuildId) -> BuildHeader {
    BuildHeader {
        build,
        project: "it's \"quoted\"; DROP TABLE builds; --".to_owned(),
        builder: "linux-amd64-race".to_owned(),
        rev: "r\u{e9}v\u{1f600}".to_owned(),
        started: Time::from_nanos(1_700_000_000_000_000_001),
        submission: "{\"tree\":\"sha256:1\"}".to_owned(),
    }
}

/// Begins a build under a new epoch.
pub(crate) async fn begin(store: &Store, scope: &str) -> (BuildId, Epoch) {
    let epoch = store.claim_epoch(scope).await.unwrap();
    let build = store.next_build().await.unwrap();
    store.commit(&epoch, &Commit { begun: vec![header(build)], ..Commit::default() }).await.unwrap();
    (build, epoch)
}

pub(crate) fn finish(build: BuildId, ended: u64) -> FinishedBuild {
    FinishedBuild {
        build,
        ended: Time::from_nanos(ended),
        outcome: "passed".to_owned(),
        summary_json: "{\"tests\":1}".to_owned(),
    }
}

async fn records_come_back_in_order(place: String) {
    let store = open(&place).await;
    let (build, epoch) = begin(&store, "main").await;
    let (other, _) = begin(&store, "elsewhere").await;
    // More than one statement's worth, in any order, one of them large.
    let mut written: Vec<(u64, String)> =
        (0..2_500).map(|seq| (seq, format!("{{\"n\":{seq},\"z\":\"\\u0000\"}}"))).collect();
    written[7].1 = format!("\"{}\"", "x".repeat(20_000_000));
    let mut shuffled = written.clone();
    shuffled.rotate_left(1_234);
    store.append(&epoch, build, &shuffled).await.unwrap();
    store.close().await;
    let store = open(&place).await;
    assert_eq!(store.unfinished("main").await.unwrap(), [header(build)]);
    assert_eq!(store.records(build).await.unwrap(), written);
    assert_eq!(store.records(other).await.unwrap(), []);
    store.close().await;
}

async fn a_commit_is_all_or_nothing(place: String) {
    let store = open(&place).await;
    let (build, epoch) = begin(&store, "main").await;
    store.append(&epoch, build, &[(5, "{}".to_owned())]).await.unwrap();
    let row = |seq| RecordRow { build, seq, json: "{}".to_owned() };
    let next = BuildId(77);
    // The last row is there already.
    let records = (1_000..3_500).chain([5]).map(row).collect();
    let commit = Commit { begun: vec![header(next)], records, finished: vec![finish(build, 9)], ..Commit::default() };
    let error = store.commit(&epoch, &commit).await.unwrap_err();
    assert_eq!(error.cause(), Cause::Other);
    assert_eq!(store.records(build).await.unwrap().len(), 1);
    assert_eq!(store.unfinished("main").await.unwrap(), [header(build)]);
    // A build that is not unfinished cannot be finished, and takes everything with it.
    let commit = Commit { records: vec![row(6)], finished: vec![finish(next, 9)], ..Commit::default() };
    let error = store.commit(&epoch, &commit).await.unwrap_err();
    assert!(matches!(error, StoreError::NotUnfinished { build: BuildId(77), .. }), "{error:?}");
    assert_eq!(store.records(build).await.unwrap().len(), 1);
    store.close().await;
}

async fn only_the_newest_epoch_commits(place: String) {
    let first = open(&place).await;
    let second = open(&place).await;
    let (build, old) = begin(&first, "main").await;
    let unrelated = second.claim_epoch("try").await.unwrap();
    first.append(&old, build, &[(1, "{}".to_owned())]).await.unwrap();
    let new = second.claim_epoch("main").await.unwrap();
    assert_eq!(new.number, old.number + 1);
    let error = first.append(&old, build, &[(2, "{}".to_owned())]).await.unwrap_err();
    assert_eq!(error.cause(), Cause::Superseded);
    second.append(&new, build, &[(3, "{}".to_owned())]).await.unwrap();
    let seqs: Vec<u64> = second.records(build).await.unwrap().into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, [1, 3]);
    second.retire_epoch(&unrelated).await.unwrap();
    let error = second.commit(&unrelated, &Commit::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Superseded { .. }));
    first.close().await;
    second.close().await;
}

async fn finished_builds_are_rows(place: String) {
    let store = open(&place).await;
    let mut builds = Vec::new();
    for ended in [30, 10, 20] {
        let (build, epoch) = begin(&store, "main").await;
        store.append(&epoch, build, &[(0, "{}".to_owned())]).await.unwrap();
        let commit = Commit { finished: vec![finish(build, ended)], ..Commit::default() };
        store.commit(&epoch, &commit).await.unwrap();
        builds.push(build);
    }
    assert_eq!(store.unfinished("main").await.unwrap(), []);
    let newest = store.finished(2).await.unwrap();
    assert_eq!(newest[0].finished, finish(builds[0], 30));
    assert_eq!(newest[0].header, header(builds[0]));
    assert_eq!(newest[1].finished.build, builds[2]);
    let after = async |ended, build, limit| {
        let found = store.finished_after((Time::from_nanos(ended), build), limit).await.unwrap();
        found.into_iter().map(|(ended, build)| (ended.as_nanos(), build)).collect::<Vec<_>>()
    };
    assert_eq!(after(10, builds[1], 9).await, [(20, builds[2]), (30, builds[0])], "in the order of their ends");
    assert_eq!(after(10, BuildId(0), 1).await, [(10, builds[1])], "of equals the higher number is later");
    assert_eq!(after(30, builds[0], 9).await, []);
    assert_eq!(store.records(builds[1]).await.unwrap().len(), 1);
    store.close().await;
}

async fn numbers_are_given_once(place: String) {
    let store = open(&place).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut numbers = Vec::new();
            for _ in 0..25 {
                numbers.push(store.next_build().await.unwrap().0);
            }
            numbers
        });
    }
    let mut numbers = tasks.join_all().await.concat();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<u64>>());
    store.close().await;
}

fn series(host_type: &str) -> Series {
    Series { project: "p".to_owned(), builder: "b".to_owned(), host_type: host_type.to_owned() }
}

pub(crate) fn observed(build: u64, nanos: u64) -> Observation {
    let exact = build.is_multiple_of(2);
    Observation { duration: Duration::from_nanos(nanos), exact, at: 1_700_000_000 + build, build: BuildId(build) }
}

pub(crate) fn of_test(test: &str, observation: Observation) -> TestObserved {
    TestObserved { test: test.to_owned(), observation }
}

async fn series_are_never_mixed(place: String) {
    let store = open(&place).await;
    let (fast, slow) = (series("fast"), series("slow"));
    let other_builder = Series { builder: "b2".to_owned(), ..fast.clone() };
    let other_project = Series { project: "p2".to_owned(), ..fast.clone() };
    for (n, key) in [&fast, &slow, &other_builder, &other_project].into_iter().enumerate() {
        store.observe(key, &[of_test("t", observed(1, n as u64))], &[]).await.unwrap();
    }
    for (n, key) in [&fast, &slow, &other_builder, &other_project].into_iter().enumerate() {
        assert_eq!(store.observations(key, &["t"]).await.unwrap(), [[observed(1, n as u64)]]);
    }
    let unknown = store.observations(&series("new"), &["t", "u"]).await.unwrap();
    assert_eq!(unknown, [Vec::new(), Vec::new()]);
    let error = store.observe(&fast, &[of_test("a\0b", observed(2, 1)), of_test("c", observed(2, 1))], &[]).await;
    assert!(matches!(error.unwrap_err(), StoreError::Name { .. }));
    assert_eq!(store.observations(&fast, &["c", "a\0b"]).await.unwrap(), [Vec::new(), Vec::new()]);
    store.close().await;
}

async fn the_newest_are_read(place: String) {
    let store = open(&place).await;
    let key = series("here");
    // Names whose order is not that of a dictionary.
    let odd: Vec<TestObserved> = (0..300)
        .map(|n| of_test(&format!("{}{n}", ["a", "B", "_", "é", "\u{1f600}", " "][n % 6]), observed(1, n as u64)))
        .collect();
    store.observe(&key, &odd, &[]).await.unwrap();
    store.observe(&key, &odd, &[]).await.unwrap();
    let names: Vec<&str> = odd.iter().map(|observed| observed.test.as_str()).collect();
    for (observed, found) in odd.iter().zip(store.observations(&key, &names).await.unwrap()) {
        assert_eq!(found, [observed.observation], "{}", observed.test);
    }
    for build in 1..=60 {
        let twice = [of_test("odd \"name\" é", observed(build, build)), of_test("once", observed(build.min(3), 5))];
        store.observe(&key, &twice, &[]).await.unwrap();
    }
    let found = store.observations(&key, &["once", "missing", "odd \"name\" é", "once"]).await.unwrap();
    let newest: Vec<Observation> = (41..=60).rev().map(|build| observed(build, build)).collect();
    assert_eq!(newest.len(), MAX_READ);
    assert_eq!(found[2], newest);
    assert_eq!(found[1], []);
    // A build that tells again what it told changes nothing.
    let once: Vec<Observation> = (1..=3).rev().map(|build| observed(build, 5)).collect();
    assert_eq!(found[0], once);
    assert_eq!(found[3], once);
    store.close().await;
}

async fn concurrent_builds_lose_no_observation(place: String) {
    let store = open(&place).await;
    let mut tasks = tokio::task::JoinSet::new();
    for build in 1..=8 {
        let store = store.clone();
        tasks.spawn(async move {
            let tests: Vec<_> = (0..50).map(|n| of_test(&format!("t{n}"), observed(build, build))).collect();
            store.observe(&series("here"), &tests, &[]).await.unwrap();
        });
    }
    tasks.join_all().await;
    let found = store.observations(&series("here"), &["t0", "t49"]).await.unwrap();
    let all: Vec<Observation> = (1..=8).rev().map(|build| observed(build, build)).collect();
    assert_eq!(found, [all.clone(), all]);
    store.close().await;
}

async fn phases_are_apart_from_tests(place: String) {
    let store = open(&place).await;
    let key = series("here");
    assert_eq!(store.phases(&key).await.unwrap(), store::PhaseDurations::default());
    for build in 1..=2 {
        let phase = |phase, nanos| PhaseObserved { phase, observation: observed(build, nanos + build) };
        let phases = [
            phase(Phase::Make, 10),
            phase(Phase::MachineStart, 20),
            phase(Phase::Setup, 30),
            phase(Phase::Setup, 40),
            phase(Phase::ExecOverhead, 50),
        ];
        // A test may be called as a phase is.
        store.observe(&key, &[of_test("make", observed(build, 999))], &phases).await.unwrap();
    }
    let found = store.phases(&key).await.unwrap();
    let nanos = |durations: Vec<Duration>| durations.iter().map(Duration::as_nanos).collect::<Vec<_>>();
    assert_eq!(nanos(found.make), [12, 11]);
    assert_eq!(nanos(found.machine_start), [22, 21]);
    assert_eq!(nanos(found.setup), [32, 42, 31, 41]);
    assert_eq!(nanos(found.exec_overhead), [52, 51]);
    assert_eq!(store.observations(&key, &["make", "setup"]).await.unwrap()[1], []);
    store.close().await;
}

async fn tests_that_are_gone_are_forgotten(place: String) {
    let store = open(&place).await;
    let key = series("here");
    let old = Observation { at: 1_600_000_000, ..observed(1, 1) };
    let phase = PhaseObserved { phase: Phase::Make, observation: old };
    store.observe(&key, &[of_test("renamed", old), of_test("kept", old)], &[phase]).await.unwrap();
    store.observe(&key, &[], &[]).await.unwrap();
    assert_eq!(store.observations(&key, &["renamed"]).await.unwrap(), [[old]]);
    store.observe(&key, &[of_test("kept", observed(2, 2))], &[]).await.unwrap();
    let found = store.observations(&key, &["renamed", "kept"]).await.unwrap();
    assert_eq!(found, [vec![], vec![observed(2, 2), old]]);
    assert_eq!(store.phases(&key).await.unwrap().make.len(), 1);
    store.close().await;
}

async fn a_hundred_thousand_tests(place: String) {
    let store = open(&place).await;
    let key = series("here");
    let names: Vec<String> =
        (0..100_000).map(|n| format!("tests/unit/test_module_{}.py::TestClass::test_case[{n}]", n / 100)).collect();
    let mut took = Vec::new();
    for build in 1..=3 {
        let tests: Vec<_> = names.iter().map(|name| of_test(name, observed(build, build))).collect();
        let begun = std::time::Instant::now();
        store.observe(&key, &tests, &[]).await.unwrap();
        took.push(begun.elapsed());
    }
    let begun = std::time::Instant::now();
    let found = store.observations(&key, &names).await.unwrap();
    println!("100,000 tests: written in {took:?}, read in {:?}", begun.elapsed());
    assert_eq!(found.len(), names.len());
    let all: Vec<Observation> = (1..=3).rev().map(|build| observed(build, build)).collect();
    assert!(found.iter().all(|observations| *observations == all));
    // Far apart, in any order, between others.
    let some: Vec<&str> = names.iter().rev().step_by(301).map(String::as_str).collect();
    let found = store.observations(&key, &some).await.unwrap();
    assert_eq!(found.len(), some.len());
    assert!(found.iter().all(|observations| *observations == all));
    store.close().await;
}
