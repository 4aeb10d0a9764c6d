//! A coordinator that is killed takes its machines and all their processes with it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use pool::LocalPool;
use pool::local::LocalSettings;

use crate::processes::{helper, processes_of, runs, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn machines_die_with_a_killed_coordinator() {
    let state = tempfile::tempdir().unwrap();
    let mut coordinator =
        Command::new(helper()).arg("coordinator").arg(state.path()).stdout(Stdio::piped()).spawn().unwrap();
    // Two agents, and for each a shell and what it put into a session of its own.
    let lines = BufReader::new(coordinator.stdout.take().unwrap()).lines();
    let pids: Vec<u32> = lines.take(6).map(|line| line.unwrap().trim().parse().unwrap()).collect();
    assert_eq!(pids.len(), 6);
    assert!(pids.iter().all(|pid| runs(*pid)), "all run: {pids:?}");
    coordinator.kill().unwrap();
    coordinator.wait().unwrap();
    wait_until("the end of all processes", || pids.iter().all(|pid| !runs(*pid)));
    wait_until("the end of all agents", || processes_of(state.path()).is_empty());
    // The next pool removes what it left on the disk.
    assert!(std::fs::read_dir(state.path()).unwrap().next().is_some());
    let pool = LocalPool::new(LocalSettings::new(helper(), state.path())).unwrap();
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 1);
    pool::Pool::shutdown(&pool).await;
}
