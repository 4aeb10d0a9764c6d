//! The pool over a source of machines; the source here starts agents as processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::{BuildId, LeaseId, Role};
use pool::conformance::{self, Subject, Survivor};
use pool::plugin::{MachineSource, MachineSpec, MachineState, PluginPool, PluginSettings, SourceError, SourceMachine};
use pool::{Capacity, Condition, Granted, LeaseRequest, Orphan, Pool, PoolError};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::ledger::Memory;
use crate::processes::{OutsideAgent, PATIENCE, client, processes_of};

/// Starts an agent when a machine is first described, so that it is seen starting.
struct ProcessSource {
    folder: TempDir,
    machines: Mutex<BTreeMap<String, (SourceMachine, Option<OutsideAgent>)>>,
    /// The state of every machine from its second look on, instead of a working one.
    instead: Option<MachineState>,
}

impl ProcessSource {
    fn new(instead: Option<MachineState>) -> ProcessSource {
        ProcessSource { folder: tempfile::tempdir().unwrap(), machines: Mutex::default(), instead }
    }
}

#[async_trait]
impl MachineSource for ProcessSource {
    async fn create(&self, spec: &MachineSpec) -> Result<String, SourceError> {
        let handle = format!("process/{}", spec.name);
        let machine = SourceMachine {
            handle: handle.clone(),
            name: spec.name.clone(),
            labels: spec.labels.clone(),
            state: MachineState::Starting("a moment".to_owned()),
            created: Some(1_700_000_000),
        };
        let folder = self.folder.path().join(&spec.name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("password-of-spec"), spec.password.reveal()).unwrap();
        self.machines.lock().unwrap().insert(handle.clone(), (machine, None));
        Ok(handle)
    }

    async fn describe(&self, handle: &str) -> Result<SourceMachine, SourceError> {
        let mut machines = self.machines.lock().unwrap();
        let (machine, agent) = machines.get_mut(handle).unwrap();
        let now = machine.clone();
        if let Some(instead) = &self.instead {
            machine.state = instead.clone();
        } else if agent.is_none() {
            let folder = self.folder.path().join(&machine.name);
            let password = std::fs::read_to_string(folder.join("password-of-spec")).unwrap();
            let started = OutsideAgent::start_with(&folder, "127.0.0.1:0", &password);
            machine.state = MachineState::Ready(format!("http://{}/", started.url.authority()));
            *agent = Some(started);
        }
        Ok(now)
    }

    async fn list(&self, labels: &[(String, String)]) -> Result<Vec<SourceMachine>, SourceError> {
        let machines = self.machines.lock().unwrap();
        let labeled = machines.values().map(|(machine, _)| machine);
        Ok(labeled.filter(|machine| labels.iter().all(|label| machine.labels.contains(label))).cloned().collect())
    }

    async fn destroy(&self, handle: &str) -> Result<(), SourceError> {
        self.machines.lock().unwrap().remove(handle);
        Ok(())
    }

    async fn can_build(&self, host_type: &str) -> Result<bool, SourceError> {
        Ok(host_type == "made")
    }

    async fn capacity(&self, _host_type: &str) -> Result<Capacity, SourceError> {
        let used = u32::try_from(self.machines.lock().unwrap().len()).unwrap();
        Ok(Capacity { total: Some(2), used, elastic: true })
    }
}

struct Made {
    /// None between two lives.
    pool: Option<PluginPool>,
    source: Arc<ProcessSource>,
    ledger: Memory,
    lives: u32,
}

impl Made {
    async fn new() -> Made {
        let source = Arc::new(ProcessSource::new(None));
        let mut made = Made { pool: None, source, ledger: Memory::default(), lives: 0 };
        made.next_life().await;
        made
    }
}

fn settings() -> PluginSettings {
    PluginSettings {
        first_look: Duration::from_millis(5),
        longest_look: Duration::from_millis(50),
        ready: PATIENCE,
        adopt: Duration::from_secs(2),
        client: client(),
        ..PluginSettings::new("made", "test", "r1")
    }
}

fn request(lease: u64) -> LeaseRequest {
    LeaseRequest { lease: LeaseId(lease), build: BuildId(1), role: Role::Helper, host_type: "made".to_owned() }
}

#[async_trait]
impl Subject for Made {
    fn pool(&self) -> &dyn Pool {
        self.pool.as_ref().unwrap()
    }

    fn host_type(&self) -> &str {
        "made"
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
        let mut machines = self.source.machines.lock().unwrap();
        let machine = machines.values_mut().find(|(machine, _)| machine.name == granted.machine.name);
        machine.unwrap().1.as_mut().unwrap().kill();
    }

    async fn left_behind(&self) -> Vec<String> {
        let machines = self.source.machines.lock().unwrap();
        let mut left: Vec<String> = machines.keys().cloned().collect();
        left.extend(processes_of(self.source.folder.path()));
        left
    }
}

#[async_trait]
impl Survivor for Made {
    async fn next_life(&mut self) {
        self.pool = None;
        self.lives += 1;
        let settings = PluginSettings { run: format!("r{}", self.lives), ..settings() };
        let source = Arc::clone(&self.source) as Arc<dyn MachineSource>;
        self.pool = Some(PluginPool::open(source, settings, self.ledger.of_pool()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    conformance::run(async || Made::new().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_go_on_in_the_next_life() {
    conformance::run_survival(async || Made::new().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_kept_no_longer_than_the_machine() {
    let made = Made::new().await;
    let pool = made.pool.as_ref().unwrap();
    let granted = pool.acquire(request(1), CancellationToken::new()).await.unwrap();
    assert!(made.ledger.entries()[0].contains(&granted.machine.name));
    pool.shutdown().await;
    assert_eq!(made.ledger.entries(), Vec::<String>::new());
}

/// The source has room for two.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_machines_than_the_operator_allows() {
    let source = Arc::new(ProcessSource::new(None));
    let settings = PluginSettings { most: Some(1), ..settings() };
    let pool = PluginPool::new(Arc::clone(&source) as Arc<dyn MachineSource>, settings);
    assert_eq!(pool.capacity("made").await.total, Some(1));
    let first = pool.acquire(request(1), CancellationToken::new()).await.unwrap();
    let mut second = std::pin::pin!(pool.acquire(request(2), CancellationToken::new()));
    let early = tokio::time::timeout(Duration::from_millis(500), second.as_mut()).await;
    assert!(early.is_err(), "a second machine while there may be one");
    assert_eq!(source.machines.lock().unwrap().len(), 1);
    pool.release(first.lease, Condition::Sound).await;
    second.await.unwrap();
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_ours_that_no_lease_holds() {
    let source = Arc::new(ProcessSource::new(None));
    let before = PluginPool::new(Arc::clone(&source) as Arc<dyn MachineSource>, settings());
    let left = before.acquire(request(1), CancellationToken::new()).await.unwrap();
    drop(before);
    let settings = PluginSettings { run: "r2".to_owned(), ..settings() };
    let pool = PluginPool::new(Arc::clone(&source) as Arc<dyn MachineSource>, settings);
    pool.acquire(request(1), CancellationToken::new()).await.unwrap();
    let orphans = pool.orphans().await.unwrap();
    let names: Vec<&str> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
    assert_eq!(names, [left.machine.name.as_str()]);
    pool.destroy_orphan(&orphans[0]).await.unwrap();
    assert_eq!(pool.orphans().await.unwrap(), []);
    let other = PluginSettings { coordinator: "other".to_owned(), ..PluginSettings::new("made", "", "") };
    let other = PluginPool::new(Arc::clone(&source) as Arc<dyn MachineSource>, other);
    assert_eq!(other.orphans().await.unwrap(), []);
    pool.shutdown().await;
    assert!(source.machines.lock().unwrap().is_empty());
}

/// As where two pools of a coordinator use one engine.
#[tokio::test(flavor = "multi_thread")]
async fn pools_over_one_source_leave_each_others_machines_alone() {
    let source = Arc::new(ProcessSource::new(None));
    let pool = |name: &str| {
        let settings = PluginSettings { name: name.to_owned(), ..settings() };
        PluginPool::new(Arc::clone(&source) as Arc<dyn MachineSource>, settings)
    };
    let (big, small) = (pool("big"), pool("small"));
    let granted = big.acquire(request(1), CancellationToken::new()).await.unwrap();
    assert_eq!(small.orphans().await.unwrap(), [], "a leased one");
    drop(big);
    assert_eq!(small.orphans().await.unwrap(), [], "one that is left");
    let orphans = pool("big").orphans().await.unwrap();
    let names: Vec<&str> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
    assert_eq!(names, [granted.machine.name.as_str()]);
    pool("big").destroy_orphan(&orphans[0]).await.unwrap();
    assert!(source.machines.lock().unwrap().is_empty());
}

/// It may have been adopted since it was listed.
#[tokio::test(flavor = "multi_thread")]
async fn a_leased_machine_is_destroyed_as_no_orphan() {
    let source = Arc::new(ProcessSource::new(None));
    let pool = PluginPool::new(Arc::clone(&source) as Arc<dyn MachineSource>, settings());
    let granted = pool.acquire(request(1), CancellationToken::new()).await.unwrap();
    let name = granted.machine.name.clone();
    let listed = Orphan { handle: format!("process/{name}"), name, pool: "made".to_owned(), created: None };
    let refused = pool.destroy_orphan(&listed).await.expect_err("it is leased");
    assert!(matches!(refused, PoolError::Held { .. }), "{}", refused.chain());
    granted.client.status().await.unwrap();
    pool.shutdown().await;
    assert!(source.machines.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_never_gets_ready_is_destroyed_with_the_cause() {
    let gone = MachineState::Gone("out of quota".to_owned());
    let starting = MachineState::Starting("pulling the image".to_owned());
    let nonsense = MachineState::Ready("gopher://x/".to_owned());
    for (state, wanted) in [(gone, "out of quota"), (starting, "pulling the image"), (nonsense, "gopher")] {
        let source = Arc::new(ProcessSource::new(Some(state)));
        let settings = PluginSettings { ready: Duration::from_millis(200), ..settings() };
        let pool = PluginPool::new(Arc::clone(&source) as Arc<dyn MachineSource>, settings);
        let error = pool.acquire(request(1), CancellationToken::new()).await.expect_err("it is never ready");
        assert!(error.chain().contains(wanted), "{}", error.chain());
        assert!(!matches!(error, PoolError::Canceled));
        assert!(source.machines.lock().unwrap().is_empty());
        pool.shutdown().await;
    }
}
