//! Old builds are forgotten, and their records go later, on either database.

use std::time::Duration;

use engine::{BuildId, Time};
use store::{BuildQuery, Commit, Forgotten, GenerationRow, RUN_SCOPES, Request, Retention, ServiceEvent, Store};

use crate::suite::{Check, finish, header, open};

pub(crate) const ALL: &[(&str, Check)] = &[
    ("retention", |place| Box::pin(what_is_old_is_forgotten(place))),
    ("old_events", |place| Box::pin(old_events_go_and_the_newest_stays(place))),
    ("old_generations", |place| Box::pin(old_generations_go_by_their_numbers(place))),
    ("runs", |place| Box::pin(a_run_removes_only_builds_of_its_like(place))),
];

/// Builds 1 to 30, of which the first twenty ended, each in the second of its number.
async fn fill(store: &Store) {
    let epoch = store.claim_epoch("main").await.unwrap();
    let request = |build: u64| Request { key: format!("key {build}"), digest: "d".to_owned(), build: BuildId(build) };
    let begun = Commit {
        begun: (1..=30).map(|build| header(BuildId(build))).collect(),
        requests: (1..=30).map(request).collect(),
        ..Commit::default()
    };
    store.commit(&epoch, &begun).await.unwrap();
    for build in 1..=30 {
        store.append(&epoch, BuildId(build), &[(0, "{}".to_owned())]).await.unwrap();
    }
    let ended = (1..=20).map(|build| finish(BuildId(build), build * 1_000_000_000)).collect();
    store.commit(&epoch, &Commit { finished: ended, ..Commit::default() }).await.unwrap();
}

async fn shown(store: &Store) -> Vec<u64> {
    let all = BuildQuery { limit: 100, ..BuildQuery::default() };
    let mut shown: Vec<u64> = store.builds(&all).await.unwrap().iter().map(|row| row.header.build.0).collect();
    shown.reverse();
    shown
}

fn ids(builds: impl IntoIterator<Item = u64>) -> Vec<BuildId> {
    builds.into_iter().map(BuildId).collect()
}

async fn what_is_old_is_forgotten(place: String) {
    let store = open(&place).await;
    fill(&store).await;
    let now = Time::from_nanos(21_000_000_000);
    let none = Retention { now, age: None, count: None, records: None, at_most: 100 };
    let records_only = Retention { records: Some(Duration::ZERO), ..none.clone() };
    for nothing in [&none, &records_only] {
        assert_eq!(store.forget(nothing).await.unwrap(), Forgotten::default(), "what is shown keeps its records");
    }
    let by_age = Retention { age: Some(Duration::from_secs(16)), ..none.clone() };
    let would = store.forgettable(&by_age).await.unwrap();
    assert_eq!(would, Forgotten { builds: ids(1..=4), records: Vec::new() });
    assert_eq!(shown(&store).await.len(), 30, "asking changes nothing");
    assert_eq!(store.forget(&by_age).await.unwrap(), would);
    assert_eq!(shown(&store).await, (5..=30).collect::<Vec<_>>());
    assert_eq!(store.build(BuildId(4)).await.unwrap(), None);
    assert_eq!(store.records(BuildId(4)).await.unwrap().len(), 1, "its records stay for back-tests");
    assert_eq!(store.request("key 4").await.unwrap(), None, "a key leads to nothing that is not shown");
    assert_eq!(store.request("key 5").await.unwrap().unwrap().build, BuildId(5));
    // Both bounds at once, a few at a time, and none that has not ended however many those are.
    let by_both = Retention { age: Some(Duration::from_secs(15)), count: Some(12), at_most: 2, ..none.clone() };
    let mut rounds = 0;
    while !store.forget(&by_both).await.unwrap().builds.is_empty() {
        rounds += 1;
    }
    assert_eq!(rounds, 2, "four of the sixteen");
    assert_eq!(shown(&store).await, (9..=30).collect::<Vec<_>>());
    let records = Retention { records: Some(Duration::from_secs(15)), ..by_both.clone() };
    assert_eq!(store.forget(&records).await.unwrap(), Forgotten { builds: Vec::new(), records: ids(1..=2) });
    assert_eq!(store.forget(&records).await.unwrap().records, ids(3..=4));
    assert_eq!(store.forget(&records).await.unwrap().records, ids(5..=5));
    assert_eq!(store.forget(&records).await.unwrap(), Forgotten::default());
    assert_eq!(store.records(BuildId(5)).await.unwrap(), []);
    assert_eq!(store.request("key 8").await.unwrap(), None);
    assert_eq!(store.request("key 9").await.unwrap().unwrap().build, BuildId(9));
    assert_eq!(store.unfinished("main").await.unwrap().len(), 10);
    store.close().await;
}

async fn a_run_removes_only_builds_of_its_like(place: String) {
    let store = open(&place).await;
    fill(&store).await;
    // Runs that ended before everything else, and one that goes on.
    for ended in [30, 10, 20] {
        let build = BuildId(100 + ended);
        let epoch = store.claim_epoch(&format!("{RUN_SCOPES}{ended}")).await.unwrap();
        let request = Request { key: format!("run {ended}"), digest: "d".to_owned(), build };
        let begun = Commit { begun: vec![header(build)], requests: vec![request], ..Commit::default() };
        store.commit(&epoch, &begun).await.unwrap();
        store.append(&epoch, build, &[(0, "{}".to_owned())]).await.unwrap();
        store.commit(&epoch, &Commit { finished: vec![finish(build, ended)], ..Commit::default() }).await.unwrap();
    }
    let epoch = store.claim_epoch(&format!("{RUN_SCOPES}open")).await.unwrap();
    store.commit(&epoch, &Commit { begun: vec![header(BuildId(200))], ..Commit::default() }).await.unwrap();
    assert_eq!(store.prune_finished(2).await.unwrap(), 1);
    assert_eq!(shown(&store).await, (1..=30).chain([120, 130, 200]).collect::<Vec<_>>());
    assert_eq!(store.records(BuildId(110)).await.unwrap(), []);
    assert_eq!(store.request("run 10").await.unwrap(), None);
    assert_eq!(store.prune_finished(0).await.unwrap(), 2);
    assert_eq!(shown(&store).await, (1..=30).chain([200]).collect::<Vec<_>>(), "a service's builds are not its own");
    assert_eq!(store.records(BuildId(1)).await.unwrap().len(), 1);
    assert_eq!(store.request("key 1").await.unwrap().unwrap().build, BuildId(1));
    store.close().await;
}

async fn old_events_go_and_the_newest_stays(place: String) {
    let store = open(&place).await;
    let end = Time::from_nanos(100);
    assert_eq!([store.old_events(end, 9).await.unwrap(), store.remove_events(end, 9).await.unwrap()], [0, 0]);
    let event = |n| ServiceEvent {
        at: Time::from_nanos(n),
        who: "admin".to_owned(),
        kind: "reload".to_owned(),
        subject: String::new(),
        detail_json: "{}".to_owned(),
    };
    for n in 1..=6 {
        store.add_event(&event(n)).await.unwrap();
    }
    let left =
        async || store.events(None, 9).await.unwrap().iter().map(|(_, event)| event.at.as_nanos()).collect::<Vec<_>>();
    let third = Time::from_nanos(3);
    assert_eq!(store.old_events(third, 9).await.unwrap(), 2);
    assert_eq!(left().await, [6, 5, 4, 3, 2, 1], "asking changes nothing");
    assert_eq!(store.remove_events(third, 9).await.unwrap(), 2);
    assert_eq!([store.old_events(end, 2).await.unwrap(), store.remove_events(end, 2).await.unwrap()], [2, 2]);
    assert_eq!(left().await, [6, 5], "the oldest go first");
    assert_eq!(store.remove_events(end, 9).await.unwrap(), 1);
    let newest = store.events(None, 9).await.unwrap()[0].0;
    assert_eq!(left().await, [6]);
    assert!(store.add_event(&event(7)).await.unwrap() > newest, "its number was not given before");
    store.close().await;
}

async fn old_generations_go_by_their_numbers(place: String) {
    let store = open(&place).await;
    let row = |plugin: &str, n: u64| GenerationRow {
        plugin: plugin.to_owned(),
        digest: format!("sha256:{n}"),
        at: Time::from_nanos(n),
        who: "admin".to_owned(),
        source: "file".to_owned(),
    };
    for (plugin, n) in [("go", 1), ("tap", 2), ("go", 3), ("tap", 4)] {
        store.record_generation(&row(plugin, n)).await.unwrap();
    }
    let old = store.old_generations(Time::from_nanos(4), 9).await.unwrap();
    assert_eq!(old.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>(), [row("go", 1), row("tap", 2), row("go", 3)]);
    assert_eq!(store.old_generations(Time::from_nanos(9), 2).await.unwrap(), old[..2]);
    store.remove_generations(&[old[0].0, old[1].0]).await.unwrap();
    store.remove_generations(&[]).await.unwrap();
    assert_eq!(store.generations("go").await.unwrap(), [row("go", 3)]);
    assert_eq!(store.generations("tap").await.unwrap(), [row("tap", 4)]);
    store.close().await;
}
