//! Runs the suite on each database.

use store::{Settings, Store};

use crate::postgres::Postgres;
use crate::suite;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    for (name, check) in suite::ALL {
        println!("{name}");
        let place = format!("sqlite:{}", folder.path().join(name).join("muster.db").display());
        check(place).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suite() {
    let Some(server) = Postgres::start() else { return };
    for (name, check) in suite::ALL {
        println!("{name}");
        check(server.database(name)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_crashed_is_used_again_and_has_lost_nothing() {
    let Some(server) = Postgres::start() else { return };
    let store = Store::open(&server.database("crash"), &Settings::default()).await.unwrap();
    let (build, epoch) = suite::begin(&store, "main").await;
    store.append(&epoch, build, &[(0, "{}".to_owned())]).await.unwrap();
    server.crash_and_restart();
    // A connection that was open fails once; the store opens others.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while let Err(error) = store.append(&epoch, build, &[(1, "{}".to_owned())]).await {
        assert!(std::time::Instant::now() < deadline, "{error:?}");
    }
    assert_eq!(store.records(build).await.unwrap().len(), 2);
    store.close().await;
}
