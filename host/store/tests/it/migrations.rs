//! Every migration runs over sample data of the version before, and what was there is read by this version.
//!
//! A new migration comes with a sample of its own version, `samples/000N.sql`.

use std::path::Path;

use engine::BuildId;
use sqlx::migrate::Migrator;
use store::{BuildQuery, Settings, Store};

use crate::postgres::Postgres;

fn samples() -> Vec<(i64, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/samples");
    let mut samples: Vec<(i64, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let version = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            (version, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    samples.sort();
    samples
}

async fn migrator(database: &str) -> Migrator {
    Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_migrates_over_sample_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
    let migrator = migrator("sqlite").await;
    let mut samples = samples().into_iter();
    for migration in migrator.iter() {
        migrator.run_to(migration.version, &pool).await.unwrap();
        let (version, sample) = samples.next().expect("each migration has a sample");
        assert_eq!(version, migration.version);
        sqlx::raw_sql(sqlx::AssertSqlSafe(sample)).execute(&pool).await.unwrap();
    }
    pool.close().await;
    reads_the_samples(path.to_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_migrates_over_sample_data() {
    let Some(server) = Postgres::start() else { return };
    let url = server.database("old");
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let migrator = migrator("postgres").await;
    let mut samples = samples().into_iter();
    for migration in migrator.iter() {
        migrator.run_to(migration.version, &pool).await.unwrap();
        let (_, sample) = samples.next().expect("each migration has a sample");
        // The one difference in how values are written.
        let sample = sample.replace("x'", "'\\x");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sample)).execute(&pool).await.unwrap();
    }
    pool.close().await;
    reads_the_samples(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_migrations() {
    let (sqlite, postgres) = (migrator("sqlite").await, migrator("postgres").await);
    let names = |migrator: &Migrator| -> Vec<(i64, String)> {
        migrator.iter().map(|migration| (migration.version, migration.description.to_string())).collect()
    };
    assert_eq!(names(&sqlite), names(&postgres));
}

async fn reads_the_samples(place: &str) {
    let store = Store::open(place, &Settings::default()).await.unwrap();
    let unfinished = store.unfinished("main").await.unwrap();
    assert_eq!(unfinished.iter().map(|header| header.build).collect::<Vec<_>>(), [BuildId(2), BuildId(3)]);
    assert_eq!([&unfinished[0].submission, &unfinished[1].submission], ["", "{\"tree\":1}"]);
    assert_eq!(store.records(BuildId(2)).await.unwrap(), [(0, "{\"a\":1}".to_owned()), (1, "{\"b\":2}".to_owned())]);
    let finished = store.finished(10).await.unwrap();
    assert_eq!((finished[0].header.build, finished[0].finished.outcome.as_str()), (BuildId(1), "failed"));
    assert_eq!(store.next_build().await.unwrap(), BuildId(4));
    assert_eq!(store.epoch_holder("main").await.unwrap().unwrap().name, "h");
    assert_eq!(store.claim_epoch("main").await.unwrap().number, 5);
    reads_what_a_service_keeps(&store).await;
    let series = store::Series { project: "p".to_owned(), builder: "b".to_owned(), host_type: "h".to_owned() };
    let found = store.observations(&series, &["t"]).await.unwrap();
    assert_eq!(found[0].len(), 1);
    assert_eq!(found[0][0].duration.as_nanos(), 255);
    assert_eq!(store.phases(&series).await.unwrap().make, [found[0][0].duration]);
    assert_eq!((found[0][0].at, found[0][0].build, found[0][0].exact), (16, BuildId(1), true));
    store.close().await;
}

async fn reads_what_a_service_keeps(store: &Store) {
    assert_eq!(store.request("k").await.unwrap().unwrap().build, BuildId(3));
    let tokens = store.tokens().await.unwrap();
    assert_eq!((tokens[0].id.as_str(), tokens[0].created, tokens[0].expires), ("i", 5, None));
    assert_eq!(store.events(None, 10).await.unwrap()[0].1.kind, "reload");
    assert_eq!(store.leases("lab").await.unwrap(), ["{\"lease\":1}"]);
    assert_eq!(store.installation("b2").await.unwrap(), "a1");
    assert_eq!(store.generations("pytest").await.unwrap()[0].digest, "sha256:1");
    assert_eq!(store.builds(&BuildQuery { limit: 9, ..BuildQuery::default() }).await.unwrap().len(), 3);
}
