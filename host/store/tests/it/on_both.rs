//! Runs the suite on each database.

use std::time::{Duration, Instant};

use engine::BuildId;
use store::{BuildQuery, Cause, Settings, Store};

use crate::postgres::Postgres;
use crate::{names, retention, service, suite};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    for (name, check) in [suite::ALL, service::ALL, retention::ALL, names::ALL].concat() {
        println!("{name}");
        let place = format!("sqlite:{}", folder.path().join(name).join("muster.db").display());
        check(place).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suite() {
    let Some(server) = Postgres::start() else { return };
    for (name, check) in [suite::ALL, service::ALL, retention::ALL, names::ALL].concat() {
        println!("{name}");
        check(server.database(name)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_crashed_is_used_again_and_has_lost_nothing() {
    let Some(server) = Postgres::start() else { return };
    let store = Store::open(&server.database("crash"), &Settings::default()).await.unwrap();
    let (build, epoch) = suite::begin(&store, "main").await;
    // All the while something reads and writes; what fails meanwhile is worth asking again.
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let load = {
        let (store, epoch) = (store.clone(), epoch.clone());
        tokio::spawn(async move {
            let (mut written, mut failed) = (0_u64, 0_u64);
            while !*stopped.borrow_and_update() {
                let appended = store.append(&epoch, build, &[(written, "{}".to_owned())]).await;
                let read = store.builds(&BuildQuery { limit: 10, ..BuildQuery::default() }).await;
                for error in appended.as_ref().err().into_iter().chain(read.as_ref().err()) {
                    assert_eq!(error.cause(), Cause::Unavailable, "{error:?}");
                    failed += 1;
                }
                if appended.is_ok() {
                    written += 1;
                } else if store.records(build).await.is_ok_and(|records| records.len() as u64 > written) {
                    // The commit was carried out and its answer lost.
                    written += 1;
                }
            }
            (written, failed)
        })
    };
    for _ in 0..3 {
        let before = written_so_far(&store, build, 0).await;
        server.crash();
        server.begin();
        written_so_far(&store, build, before).await;
    }
    stop.send(true).unwrap();
    let (written, failed) = load.await.unwrap();
    println!("{written} commits, {failed} calls failed while PostgreSQL was away");
    let seqs: Vec<u64> = store.records(build).await.unwrap().into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, (0..written).collect::<Vec<_>>());
    store.close().await;
}

/// Waits until there are more records than before; the store opens new connections by itself.
async fn written_so_far(store: &Store, build: BuildId, before: usize) -> usize {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match store.records(build).await {
            Ok(records) if records.len() > before => return records.len(),
            Ok(_) => {}
            Err(error) => assert_eq!(error.cause(), Cause::Unavailable, "{error:?}"),
        }
        assert!(Instant::now() < deadline, "it does not come back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_finds_every_page_by_an_index() {
    let Some(server) = Postgres::start() else { return };
    let url = server.database("pages");
    let store = Store::open(&url, &Settings::default()).await.unwrap();
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let fill = "INSERT INTO builds (build, scope, project, builder, rev, started, ended, outcome, summary) \
         SELECT n, 'main', 'p' || n % 50, 'b' || n % 7, 'r', n, CASE WHEN n < 49900 THEN n END, \
         CASE WHEN n < 49900 THEN 'failed' END, '{}' FROM generate_series(1, 50000) AS n";
    sqlx::query(fill).execute(&pool).await.unwrap();
    sqlx::query("VACUUM ANALYZE builds").execute(&pool).await.unwrap();
    for bits in 0..8 {
        for running in ["", " AND ended IS NULL", " AND ended IS NOT NULL"] {
            let names = ["project = 'p3'", "builder = 'b3'", "outcome = 'failed'"];
            let names: String = (0..3).filter(|n| bits >> n & 1 == 1).map(|n| format!(" AND {}", names[n])).collect();
            let page = format!(
                "EXPLAIN SELECT build, submission FROM builds WHERE +forgotten = 0 AND build < 40000{names}{running} \
                 ORDER BY build DESC LIMIT 50"
            );
            let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(page.clone())).fetch_all(&pool).await;
            let plan: Vec<String> = rows.unwrap();
            assert!(!plan.join("\n").contains("Seq Scan"), "{page}:\n{}", plan.join("\n"));
        }
    }
    pool.close().await;
    store.close().await;
}
