//! What a service needs of a store, on either database. Each check gets an empty one.

use std::time::{Duration, Instant};

use engine::{BuildId, Time};
use store::{
    BuildHeader, BuildQuery, BuildRow, Cause, Commit, FinishedBuild, GenerationRow, RecordRow, Request, Retention,
    ServiceEvent, StoreError, TokenRow,
};

use crate::suite::{Check, begin, finish, header, open};

pub(crate) const ALL: &[(&str, Check)] = &[
    ("submissions", |place| Box::pin(a_submission_counts_once(place))),
    ("pages", |place| Box::pin(builds_are_listed_in_pages(place))),
    ("records_after", |place| Box::pin(records_are_read_from_where_one_stands(place))),
    ("first_records", |place| Box::pin(the_first_records_are_read_at_once(place))),
    ("take_over", |place| Box::pin(an_epoch_is_taken_over_when_nobody_renews_it(place))),
    ("tokens", |place| Box::pin(tokens_are_known_by_their_digests(place))),
    ("events", |place| Box::pin(events_and_generations_come_newest_first(place))),
    ("leases", |place| Box::pin(leases_are_the_epochs_holders(place))),
    ("recovery", |place| Box::pin(queued_builds_are_recovered_at_once(place))),
];

async fn a_submission_counts_once(place: String) {
    let store = open(&place).await;
    let epoch = store.claim_epoch("main").await.unwrap();
    let request = |build| Request { key: "key".to_owned(), digest: "d".to_owned(), build: BuildId(build) };
    let commit = |build| Commit {
        begun: vec![header(BuildId(build))],
        records: vec![RecordRow { build: BuildId(build), seq: 0, json: "{}".to_owned() }],
        requests: vec![request(build)],
        ..Commit::default()
    };
    assert_eq!(store.request("key").await.unwrap(), None);
    store.commit(&epoch, &commit(1)).await.unwrap();
    let error = store.commit(&epoch, &commit(2)).await.unwrap_err();
    assert!(matches!(&error, StoreError::RequestKnown { key } if key == "key"), "{error:?}");
    assert_eq!(store.request("key").await.unwrap(), Some(request(1)));
    assert_eq!(store.build(BuildId(2)).await.unwrap(), None, "nothing of the second was committed");
    assert_eq!(store.records(BuildId(2)).await.unwrap(), []);
    assert_eq!(store.submission(BuildId(1)).await.unwrap(), Some(header(BuildId(1)).submission));
    assert_eq!(store.submission(BuildId(2)).await.unwrap(), None);
    assert_eq!(store.request("a\0b").await.unwrap(), None);
    store.close().await;
}

async fn leases_are_the_epochs_holders(place: String) {
    let store = open(&place).await;
    let before = store.claim_epoch("main").await.unwrap();
    store.keep_lease(&before, "lab", 7, "seven").await.unwrap();
    store.keep_lease(&before, "lab", 8, "eight").await.unwrap();
    store.keep_lease(&before, "lab", 8, "ate").await.unwrap();
    store.keep_lease(&before, "cloud", 7, "another pool's").await.unwrap();
    let epoch = store.claim_epoch("main").await.unwrap();
    for refused in [store.keep_lease(&before, "lab", 9, "late").await, store.forget_lease(&before, "lab", 7).await] {
        assert_eq!(refused.unwrap_err().cause(), Cause::Superseded);
    }
    assert_eq!(store.leases("lab").await.unwrap(), ["seven", "ate"]);
    store.forget_lease(&epoch, "lab", 7).await.unwrap();
    store.forget_lease(&epoch, "lab", 7).await.unwrap();
    assert_eq!(store.leases("lab").await.unwrap(), ["ate"]);
    assert_eq!(store.leases("cloud").await.unwrap(), ["another pool's"]);
    let ids = [store.installation("first").await.unwrap(), store.installation("second").await.unwrap()];
    assert_eq!(ids, ["first", "first"]);
    store.close().await;
}

async fn builds_are_listed_in_pages(place: String) {
    let store = open(&place).await;
    let epoch = store.claim_epoch("main").await.unwrap();
    let of = |build: u64| BuildHeader {
        project: format!("p{}", build % 3),
        builder: format!("b{}", build % 2),
        ..header(BuildId(build))
    };
    let ended = |build: u64| FinishedBuild {
        outcome: if build.is_multiple_of(5) { "failed" } else { "passed" }.to_owned(),
        ..finish(BuildId(build), 1_000 + build)
    };
    store.commit(&epoch, &Commit { begun: (1..=60).map(of).collect(), ..Commit::default() }).await.unwrap();
    store.commit(&epoch, &Commit { finished: (1..=50).map(ended).collect(), ..Commit::default() }).await.unwrap();
    let row = |build| BuildRow { header: of(build), ended: (build <= 50).then(|| ended(build)) };
    let all: Vec<BuildRow> = (1..=60).rev().map(row).collect();
    let word = |text: &str| Some(text.to_owned());
    for project in [None, word("p1")] {
        for builder in [None, word("b0")] {
            for outcome in [None, word("failed")] {
                for running in [None, Some(true), Some(false)] {
                    let mut query = BuildQuery { project: project.clone(), limit: 7, ..BuildQuery::default() };
                    (query.builder, query.outcome, query.running) = (builder.clone(), outcome.clone(), running);
                    let mut found = Vec::new();
                    loop {
                        let page = store.builds(&query).await.unwrap();
                        assert!(page.len() <= 7);
                        let Some(last) = page.last() else { break };
                        query.before = Some(last.header.build);
                        found.extend(page);
                    }
                    let fits = |row: &&BuildRow| {
                        let said = row.ended.as_ref().map(|ended| &ended.outcome);
                        project.as_ref().is_none_or(|project| row.header.project == *project)
                            && builder.as_ref().is_none_or(|builder| row.header.builder == *builder)
                            && outcome.as_ref().is_none_or(|outcome| said == Some(outcome))
                            && running.is_none_or(|running| row.ended.is_none() == running)
                    };
                    let expected: Vec<BuildRow> = all.iter().filter(fits).cloned().collect();
                    assert_eq!(found, expected, "{query:?}");
                }
            }
        }
    }
    assert_eq!(store.build(BuildId(50)).await.unwrap(), Some(row(50)));
    assert_eq!(store.build(BuildId(60)).await.unwrap(), Some(row(60)));
    assert_eq!(store.build(BuildId(u64::MAX)).await.unwrap(), None);
    let odd = BuildQuery { project: word("a\0b"), before: Some(BuildId(u64::MAX)), limit: 5, ..BuildQuery::default() };
    assert_eq!(store.builds(&odd).await.unwrap(), []);
    assert_eq!(store.builds(&BuildQuery { project: None, ..odd }).await.unwrap().len(), 5);
    store.close().await;
}

async fn records_are_read_from_where_one_stands(place: String) {
    let store = open(&place).await;
    let (build, epoch) = begin(&store, "main").await;
    let written: Vec<(u64, String)> = (0..30).map(|seq| (seq, format!("{seq}"))).collect();
    store.append(&epoch, build, &written).await.unwrap();
    assert_eq!(store.records_after(build, 9, 5).await.unwrap(), written[10..15]);
    assert_eq!(store.records_after(build, 25, 50).await.unwrap(), written[26..]);
    assert_eq!(store.records_after(build, 29, 50).await.unwrap(), []);
    assert_eq!(store.records_after(build, u64::MAX, 50).await.unwrap(), []);
    assert_eq!(store.records(build).await.unwrap(), written);
    store.close().await;
}

async fn the_first_records_are_read_at_once(place: String) {
    let store = open(&place).await;
    let epoch = store.claim_epoch("main").await.unwrap();
    let row = |build, seq| RecordRow { build: BuildId(build), seq, json: format!("{build} {seq}") };
    // Of six builds the second has no record, and the fourth is forgotten.
    let commit = Commit {
        begun: (1..=6).map(|build| header(BuildId(build))).collect(),
        records: [1, 3, 4, 5, 6]
            .into_iter()
            .flat_map(|build| (build..build + 3).map(move |seq| row(build, seq)))
            .collect(),
        finished: vec![finish(BuildId(4), 1)],
        ..Commit::default()
    };
    store.commit(&epoch, &commit).await.unwrap();
    let all = Retention { now: Time::from_nanos(2), age: Some(Duration::ZERO), count: None, records: None, at_most: 9 };
    assert_eq!(store.forget(&all).await.unwrap().builds, [BuildId(4)]);
    let first =
        |builds: &[u64]| builds.iter().map(|build| (BuildId(*build), format!("{build} {build}"))).collect::<Vec<_>>();
    assert_eq!(store.first_records(None, 9).await.unwrap(), first(&[1, 3, 5, 6]));
    assert_eq!(store.first_records(None, 2).await.unwrap(), first(&[1, 3]));
    assert_eq!(store.first_records(Some(BuildId(3)), 9).await.unwrap(), first(&[5, 6]));
    assert_eq!(store.first_records(Some(BuildId(u64::MAX)), 9).await.unwrap(), []);
    store.close().await;
}

async fn an_epoch_is_taken_over_when_nobody_renews_it(place: String) {
    const LONG: Duration = Duration::from_hours(1);
    let (first, second) = (open(&place).await, open(&place).await);
    assert_eq!(first.epoch_holder("main").await.unwrap(), None);
    let held = first.take_over("main", "one", LONG).await.unwrap().unwrap();
    assert_eq!(held.number, 1);
    assert_eq!(second.take_over("main", "two", LONG).await.unwrap(), None, "it is held");
    first.renew_epoch(&held).await.unwrap();
    let holder = second.epoch_holder("main").await.unwrap().unwrap();
    assert_eq!((holder.name.as_str(), holder.number), ("one", 1));
    assert!(holder.renewed < Duration::from_secs(60), "{holder:?}");
    // The same holder is one that was started again.
    let again = second.take_over("main", "one", LONG).await.unwrap().unwrap();
    assert_eq!(again.number, 2);
    assert_eq!(first.renew_epoch(&held).await.unwrap_err().cause(), Cause::Superseded);
    // Not renewed for as long as is asked: now.
    let taken = first.take_over("main", "two", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(second.renew_epoch(&again).await.unwrap_err().cause(), Cause::Superseded);
    assert_eq!(second.commit(&again, &Commit::default()).await.unwrap_err().cause(), Cause::Superseded);
    second.release_epoch(&again).await.unwrap();
    assert_eq!(second.take_over("main", "three", LONG).await.unwrap(), None, "only its holder releases it");
    first.release_epoch(&taken).await.unwrap();
    first.commit(&taken, &Commit::default()).await.unwrap();
    let last = second.take_over("main", "three", LONG).await.unwrap().unwrap();
    assert_eq!(last.number, 4);
    assert_eq!(first.commit(&taken, &Commit::default()).await.unwrap_err().cause(), Cause::Superseded);
    // Of many that find it released, one has it.
    second.release_epoch(&last).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = first.clone();
        tasks.spawn(async move { store.take_over("main", &format!("many {n}"), LONG).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().flatten().count(), 1);
    assert_eq!(second.claim_epoch("main").await.unwrap().number, 6, "a claim asks nobody");
    assert_eq!(second.take_over("main", "", LONG).await.unwrap(), None, "nobody's name is no name");
    first.close().await;
    second.close().await;
}

async fn tokens_are_known_by_their_digests(place: String) {
    let store = open(&place).await;
    let token = |id: &str, created| TokenRow {
        id: id.to_owned(),
        name: "CI of \u{e9}".to_owned(),
        scopes: "read submit".to_owned(),
        digest: format!("{id:0>64}"),
        created,
        expires: (created == 1).then_some(1 << 40),
        by: "admin".to_owned(),
        used: None,
    };
    let (old, new) = (token("b", 1), token("a", 2));
    for token in [&new, &old] {
        store.add_token(token).await.unwrap();
    }
    assert!(store.add_token(&TokenRow { id: "c".to_owned(), ..old.clone() }).await.is_err(), "its digest is known");
    let nul = store.add_token(&TokenRow { name: "\0".to_owned(), ..token("d", 3) }).await;
    assert!(matches!(nul, Err(StoreError::Name { .. })), "{nul:?}");
    assert_eq!(store.tokens().await.unwrap(), [old.clone(), new.clone()]);
    for at in [50, 40] {
        store.token_used("b", at).await.unwrap();
    }
    let used = TokenRow { used: Some(50), ..old.clone() };
    assert_eq!(store.token_by_digest(&old.digest).await.unwrap(), Some(used));
    assert_eq!(store.token_by_digest("other").await.unwrap(), None);
    assert_eq!([store.revoke_token("b").await.unwrap(), store.revoke_token("b").await.unwrap()], [true, false]);
    store.token_used("b", 60).await.unwrap();
    assert_eq!(store.token_by_digest(&old.digest).await.unwrap(), None);
    assert_eq!(store.tokens().await.unwrap(), [new]);
    store.close().await;
}

async fn events_and_generations_come_newest_first(place: String) {
    let store = open(&place).await;
    let event = |n: u64| ServiceEvent {
        at: Time::from_nanos(n),
        who: "admin".to_owned(),
        kind: "swap".to_owned(),
        subject: format!("plugin {n}"),
        detail_json: "{}".to_owned(),
    };
    for n in 1..=5 {
        store.add_event(&event(n)).await.unwrap();
    }
    let page = store.events(None, 2).await.unwrap();
    assert_eq!(page.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(), [event(5), event(4)]);
    let rest = store.events(Some(page[1].0), 10).await.unwrap();
    assert_eq!(rest.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), [event(3), event(2), event(1)]);
    let generation = |plugin: &str, n: u64| GenerationRow {
        plugin: plugin.to_owned(),
        digest: format!("sha256:{n}"),
        at: Time::from_nanos(n),
        who: "admin".to_owned(),
        source: "file".to_owned(),
    };
    for row in [generation("go", 1), generation("tap", 2), generation("go", 3), generation("go", 1)] {
        store.record_generation(&row).await.unwrap();
    }
    let found = store.generations("go").await.unwrap();
    assert_eq!(found, [generation("go", 1), generation("go", 3), generation("go", 1)]);
    assert_eq!(store.generations("none").await.unwrap(), []);
    store.close().await;
}

async fn queued_builds_are_recovered_at_once(place: String) {
    const BUILDS: u64 = 25_000;
    let store = open(&place).await;
    let epoch = store.claim_epoch("main").await.unwrap();
    let other = store.claim_epoch("other").await.unwrap();
    let record = |build, seq| RecordRow {
        build: BuildId(build),
        seq,
        json: format!("{{\"Submitted\":\"{}\"}}", "x".repeat(600)),
    };
    let begun = |builds: std::ops::RangeInclusive<u64>| Commit {
        begun: builds.clone().map(|build| header(BuildId(build))).collect(),
        records: builds.map(|build| record(build, 1)).collect(),
        ..Commit::default()
    };
    store.commit(&epoch, &begun(1..=BUILDS)).await.unwrap();
    store.commit(&other, &begun(BUILDS + 1..=BUILDS + 10)).await.unwrap();
    // One is running, another has ended, and one has no record.
    let running = (2..=50).map(|seq| record(7, seq)).collect();
    let ended = Commit { records: running, finished: vec![finish(BuildId(8), 9)], ..Commit::default() };
    store.commit(&epoch, &ended).await.unwrap();
    let bare = Commit { begun: vec![header(BuildId(BUILDS + 11))], ..Commit::default() };
    store.commit(&epoch, &bare).await.unwrap();
    let started = Instant::now();
    let found = store.recovery("main").await.unwrap();
    let took = started.elapsed();
    println!("{BUILDS} queued builds read in {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    let builds: Vec<u64> = found.iter().map(|unfinished| unfinished.header.build.0).collect();
    let expected: Vec<u64> = (1..=BUILDS).filter(|build| *build != 8).chain([BUILDS + 11]).collect();
    assert_eq!(builds, expected);
    for unfinished in &found {
        let build = unfinished.header.build.0;
        let seqs: Vec<u64> = unfinished.records.iter().map(|(seq, _)| *seq).collect();
        let last = if build == 7 { 50 } else { u64::from(build <= BUILDS) };
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>(), "build {build}");
    }
    assert_eq!(found[0].header, header(BuildId(1)));
    assert_eq!(store.recovery("nobody").await.unwrap(), []);
    store.close().await;
}
