//! The local pool.
#![expect(clippy::print_stdout, reason = "a test says what it ran, or why it skips")]

use std::time::Duration;

use async_trait::async_trait;
use buildlet::client::ExecRequest;
use buildlet::protocol::CommandResult;
use engine::{BuildId, ExecFailureKind, LeaseId, Role};
use pool::conformance::{self, Subject, Survivor};
use pool::local::{LocalSettings, MachineLimits};
use pool::{Condition, Granted, LeaseRequest, LocalPool, Pool, PoolError};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::processes::{PATIENCE, agent, client, opened, processes_of, wait_until};

struct Local {
    /// None between two lives.
    pool: Option<LocalPool>,
    settings: LocalSettings,
    state: TempDir,
}

impl Local {
    fn new(survive: Option<Duration>) -> Local {
        let state = tempfile::tempdir().unwrap();
        let settings = LocalSettings { survive, ..settings(&state) };
        Local { pool: Some(LocalPool::new(settings.clone()).unwrap()), settings, state }
    }
}

fn settings(state: &TempDir) -> LocalSettings {
    LocalSettings {
        count: 2,
        host_types: vec!["here".to_owned()],
        client: client(),
        ..LocalSettings::new(agent(), state.path())
    }
}

fn request(lease: u64) -> LeaseRequest {
    LeaseRequest { lease: LeaseId(lease), build: BuildId(1), role: Role::Main, host_type: "here".to_owned() }
}

async fn grant(pool: &LocalPool, lease: u64) -> Granted {
    pool.acquire(request(lease), CancellationToken::new()).await.unwrap()
}

#[async_trait]
impl Subject for Local {
    fn pool(&self) -> &dyn Pool {
        self.pool.as_ref().unwrap()
    }

    fn host_type(&self) -> &str {
        "here"
    }

    fn unknown_host_type(&self) -> Option<&str> {
        Some("plan9-386")
    }

    fn capacity(&self) -> u32 {
        2
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    async fn kill(&self, granted: &Granted) {
        let pid = granted.local.as_ref().unwrap().pid;
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    }

    async fn left_behind(&self) -> Vec<String> {
        let folders = std::fs::read_dir(self.state.path()).unwrap().flatten();
        let mut left: Vec<String> = folders.map(|entry| format!("folder {:?}", entry.path())).collect();
        left.extend(processes_of(self.state.path()));
        left
    }
}

#[async_trait]
impl Survivor for Local {
    async fn next_life(&mut self) {
        self.pool = None;
        self.pool = Some(opened(|| LocalPool::new(self.settings.clone())).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    conformance::run(async || Local::new(None)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_where_machines_survive() {
    conformance::run(async || Local::new(Some(PATIENCE))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_go_on_in_the_next_life() {
    conformance::run_survival(async || Local::new(Some(PATIENCE))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_low_and_folders_are_apart() {
    let state = tempfile::tempdir().unwrap();
    let pool = LocalPool::new(settings(&state)).unwrap();
    let (first, second) = (grant(&pool, 1).await, grant(&pool, 2).await);
    assert_eq!((first.machine.name.as_str(), second.machine.name.as_str()), ("local-1", "local-2"));
    assert_eq!(first.machine.machine, second.machine.machine);
    let (one, two) = (first.local.unwrap(), second.local.unwrap());
    assert_ne!(one.work_dir, two.work_dir);
    assert_eq!(first.client.work_dir().await.unwrap(), one.work_dir.display().to_string());
    pool.release(LeaseId(1), Condition::Sound).await;
    assert_eq!(grant(&pool, 3).await.machine.name, "local-1");
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_needed_and_is_nowhere_to_be_seen() {
    let state = tempfile::tempdir().unwrap();
    let pool = LocalPool::new(settings(&state)).unwrap();
    let granted = grant(&pool, 1).await;
    let mut url = granted.client.url().clone();
    let password = url.password.take().unwrap();
    buildlet::client::Client::connect(&url, client()).await.expect_err("without a password");
    let proc = format!("/proc/{}", granted.local.as_ref().unwrap().pid);
    for file in ["cmdline", "environ"] {
        let shown = std::fs::read(format!("{proc}/{file}")).unwrap();
        let shown = String::from_utf8_lossy(&shown);
        assert!(!shown.contains(password.reveal()), "{file} shows the password");
    }
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_agent_started_ends_with_its_lease() {
    let state = tempfile::tempdir().unwrap();
    let pool = LocalPool::new(settings(&state)).unwrap();
    if !pool.notes().is_empty() {
        println!("skipped: {}", pool.notes().join("; "));
        return;
    }
    let granted = grant(&pool, 1).await;
    // The marker is the folder's name, so that the process can be found.
    let marker = state.path().join("marker");
    let script = format!("setsid sh -c 'while :; do sleep 1; done' {}", marker.display());
    let exec = granted.client.clone();
    let running =
        tokio::spawn(
            async move { exec.exec(&ExecRequest::sys("/bin/sh", ["-c", &script]), &mut tokio::io::sink()).await },
        );
    wait_until("the command", || !processes_of(&marker).is_empty());
    let pid = granted.local.as_ref().unwrap().pid;
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    running.await.unwrap().expect_err("its end was not seen");
    pool.release(LeaseId(1), Condition::Broken { cause: "killed".to_owned() }).await;
    pool.shutdown().await;
    assert_eq!(processes_of(&marker), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_or_said_not_to_be() {
    let state = tempfile::tempdir().unwrap();
    let limits = MachineLimits { memory_bytes: Some(64 << 20), cpu_millis: Some(500) };
    let pool = LocalPool::new(LocalSettings { limits, ..settings(&state) }).unwrap();
    let granted = grant(&pool, 1).await;
    assert_eq!(granted.notes, pool.notes());
    if granted.notes.iter().any(|note| note.contains("memory is not limited")) {
        println!("skipped: {}", granted.notes.join("; "));
        return;
    }
    // `tail` keeps the last line: all of it.
    let hungry = ExecRequest::sys("/bin/sh", ["-c", "head -c 300000000 /dev/zero | tail -n 1 | wc -c"]);
    let mut output = Vec::new();
    granted.client.exec(&hungry, &mut output).await.unwrap();
    assert_ne!(String::from_utf8_lossy(&output).trim(), "300000000");
    let modest = ExecRequest::sys("/bin/sh", ["-c", "head -c 3000000 /dev/zero | tail -n 1 | wc -c"]);
    let end = granted.client.exec(&modest, &mut tokio::io::sink()).await.unwrap();
    assert_eq!(end.result, CommandResult::Exited(0));
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_start_is_an_error_with_its_words() {
    let state = tempfile::tempdir().unwrap();
    let with = |program: &str, script: &str| LocalSettings {
        program: program.into(),
        leading_args: vec!["-c".into(), script.into()],
        start: Duration::from_millis(300),
        ..settings(&state)
    };
    let error = async |settings: LocalSettings| -> PoolError {
        let pool = LocalPool::new(settings).unwrap();
        let error = pool.acquire(request(1), CancellationToken::new()).await.expect_err("it does not start");
        // The number is free again, and so is the place.
        assert_eq!(pool.capacity("here").await.used, 0);
        let again = pool.acquire(request(1), CancellationToken::new()).await.expect_err("it still does not");
        assert_eq!(again.to_string(), error.to_string());
        pool.shutdown().await;
        assert!(std::fs::read_dir(state.path()).unwrap().next().is_none());
        error
    };
    let ended = error(with("/bin/sh", "echo no such luck >&2; exit 3")).await;
    assert_eq!(ended.kind(), ExecFailureKind::MachineLost);
    let text = ended.chain();
    assert!(text.contains("exit status: 3") && text.contains("no such luck"), "{text}");
    let silent = error(with("/bin/sh", "echo thinking >&2; sleep 1000")).await.chain();
    assert!(silent.contains("300ms"), "{silent}");
    let missing = error(with("/no/such/muster", "")).await.chain();
    assert!(missing.contains("/no/such/muster") && missing.contains("No such file"), "{missing}");
}
