//! A coordinator that is killed takes its machines and all their processes with it; those of a service wait for the next
//! one, and not for ever.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use buildlet::client::ExecRequest;
use engine::{BuildId, LeaseId, Machine, Role};
use pool::local::LocalSettings;
use pool::{AdoptRequest, Condition, LocalPool, Pool, PoolError};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::processes::{PATIENCE, client, helper, processes_of, runs, wait_until};

/// A coordinator with two machines, each with a command: a shell, and what that put into a session of its own.
struct Coordinator {
    process: Child,
    /// Of agents and commands.
    pids: Vec<u32>,
}

impl Coordinator {
    fn start(mode: &[&str], state: &Path) -> Coordinator {
        let (mode, more) = mode.split_first().unwrap();
        let mut process =
            Command::new(helper()).arg(mode).arg(state).args(more).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let pids: Vec<u32> = lines.take(6).map(|line| line.unwrap().trim().parse().unwrap()).collect();
        assert_eq!(pids.len(), 6);
        assert!(pids.iter().all(|pid| runs(*pid)), "all run: {pids:?}");
        Coordinator { process, pids }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_die_with_a_killed_coordinator() {
    let state = tempfile::tempdir().unwrap();
    let mut coordinator = Coordinator::start(&["coordinator"], state.path());
    coordinator.kill();
    wait_until("the end of all processes", || coordinator.pids.iter().all(|pid| !runs(*pid)));
    wait_until("the end of all agents", || processes_of(state.path()).is_empty());
    // The next pool removes what it left on the disk.
    assert!(std::fs::read_dir(state.path()).unwrap().next().is_some());
    let pool = LocalPool::new(LocalSettings::new(helper(), state.path())).unwrap();
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 1);
    pool::Pool::shutdown(&pool).await;
}

fn surviving(state: &TempDir, survive: Duration) -> LocalSettings {
    LocalSettings { survive: Some(survive), client: client(), ..LocalSettings::new(helper(), state.path()) }
}

fn adoption(lease: u64) -> AdoptRequest {
    let machine = Machine {
        name: format!("local-{lease}"),
        host_type: "any".to_owned(),
        machine: String::new(),
        pool: "local".to_owned(),
    };
    AdoptRequest { lease: LeaseId(lease), build: BuildId(1), role: Role::Helper, machine }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_a_service_outlive_it_and_are_taken_up_by_the_next() {
    let state = tempfile::tempdir().unwrap();
    let mut service = Coordinator::start(&["service", "60000"], state.path());
    // While it lives nobody else has its machines, and those who pass by leave them alone.
    match LocalPool::new(surviving(&state, PATIENCE)).map(drop) {
        Err(error @ PoolError::Keep { .. }) => assert!(error.chain().contains("another process"), "{}", error.chain()),
        other => panic!("{other:?}"),
    }
    LocalPool::new(LocalSettings::new(helper(), state.path())).unwrap().shutdown().await;
    service.kill();
    LocalPool::new(LocalSettings::new(helper(), state.path())).unwrap().shutdown().await;
    let pool = LocalPool::new(surviving(&state, PATIENCE)).unwrap();
    assert!(service.pids.iter().all(|pid| runs(*pid)), "all go on: {:?}", service.pids);
    for lease in 1..=2 {
        let granted = pool.adopt(adoption(lease), CancellationToken::new()).await.unwrap();
        assert!(service.pids.contains(&granted.local.as_ref().unwrap().pid));
        let id = "kept".parse().unwrap();
        assert!(!granted.client.exec_state(&id).await.unwrap().ended);
        // What it said before is said again from any offset.
        let attach = ExecRequest { id: Some(id), attach_only: true, ..ExecRequest::sys("/bin/false", [""; 0]) };
        let (mut sink, mut output) = tokio::sync::mpsc::channel(1);
        let running = granted.client.exec(&attach, &mut sink);
        let said = tokio::select! {
            ended = running => panic!("it ended: {ended:?}"),
            said = output.recv() => said.unwrap(),
        };
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.lines().all(|line| service.pids.contains(&line.trim().parse().unwrap())), "{said}");
    }
    pool.release(LeaseId(1), Condition::Sound).await;
    pool.release(LeaseId(2), Condition::Broken { cause: "it is enough".to_owned() }).await;
    pool.shutdown().await;
    assert!(service.pids.iter().all(|pid| !runs(*pid)), "none is left: {:?}", service.pids);
    assert!(std::fs::read_dir(state.path()).unwrap().next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_nobody_takes_up_go_by_themselves() {
    let state = tempfile::tempdir().unwrap();
    let mut service = Coordinator::start(&["service", "3000"], state.path());
    service.kill();
    wait_until("the end of all processes", || service.pids.iter().all(|pid| !runs(*pid)));
    let pool = LocalPool::new(surviving(&state, PATIENCE)).unwrap();
    let left: Vec<String> = processes_of(state.path());
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(pool.orphans().await.unwrap(), [], "their folders are gone, and with them the records");
    let refused = pool.adopt(adoption(1), CancellationToken::new()).await.expect_err("it is gone");
    assert!(matches!(refused, PoolError::NotHeld { .. }), "{refused}");
    pool.shutdown().await;
}
