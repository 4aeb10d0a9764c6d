//! Several processes at one SQLite file.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use engine::BuildId;
use store::{Settings, Store};

fn writer() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/store_writer");
    if !path.exists() {
        let build = ["build", "-q", "-p", "store", "--example", "store_writer"];
        assert!(Command::new(env!("CARGO")).args(build).status().unwrap().success());
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_a_file_from_its_first_moment() {
    const PROCESSES: usize = 4;
    const BUILDS: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/folder/muster.db");
    let start = || {
        Command::new(writer()).arg(&file).arg(BUILDS.to_string()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    };
    let writers: Vec<_> = (0..PROCESSES).map(|_| start().unwrap()).collect();
    let mut numbers = Vec::new();
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        numbers.extend(String::from_utf8(output.stdout).unwrap().lines().map(|line| line.parse::<u64>().unwrap()));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=(PROCESSES * BUILDS) as u64).collect::<Vec<_>>());
    let store = Store::open_sqlite(&file, &Settings::default()).await.unwrap();
    for number in numbers {
        let records = store.records(BuildId(number)).await.unwrap();
        assert_eq!(records.len(), 10);
        assert!(records.iter().all(|(_, json)| *json == format!("{{\"build\":{number}}}")));
    }
    store.close().await;
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&pool).await.unwrap();
    assert_eq!(sound, "ok");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_writes_corrupts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("muster.db");
    for _ in 0..5 {
        let mut writer = Command::new(writer()).arg(&file).arg("100000").stdout(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 1];
        std::io::Read::read_exact(writer.stdout.as_mut().unwrap(), &mut first).unwrap();
        writer.kill().unwrap();
        writer.wait().unwrap();
    }
    let store = Store::open_sqlite(&file, &Settings::default()).await.unwrap();
    let next = store.next_build().await.unwrap();
    assert!(next.0 > 5);
    for number in 1..next.0 {
        // All records of a batch, or none.
        assert!(matches!(store.records(BuildId(number)).await.unwrap().len(), 0 | 10));
    }
    store.close().await;
}
