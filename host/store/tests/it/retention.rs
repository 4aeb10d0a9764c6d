//! Old builds are forgotten, and their records go later, on either database.

use std::time::Duration;

use engine::{BuildId, Time};
use store::{BuildQuery, Commit, Forgotten, Request, Retention, Store};

use crate::suite::{Check, finish, header, open};

pub(crate) const ALL: &[(&str, Check)] = &[("retention", |place| Box::pin(what_is_old_is_forgotten(place)))];

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
    assert_eq!(store.request("key 5").await.unwrap(), None);
    assert_eq!(store.request("key 6").await.unwrap().unwrap().build, BuildId(6));
    assert_eq!(store.unfinished("main").await.unwrap().len(), 10);
    store.close().await;
}
