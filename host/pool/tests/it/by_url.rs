//! Machines by URL.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use buildlet::BuildletUrl;
use engine::{BuildId, ExecFailureKind, LeaseId, Role};
use pool::by_url::UrlSettings;
use pool::conformance::{self, Subject, Survivor};
use pool::{AdoptRequest, Condition, Granted, LeaseRequest, Pool, PoolError, UrlPool};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::ledger::Memory;
use crate::processes::{OutsideAgent, PATIENCE, client};

struct ByUrl {
    /// None between two lives.
    pool: Option<UrlPool>,
    urls: Vec<BuildletUrl>,
    agents: Mutex<Vec<OutsideAgent>>,
    ledger: Memory,
    _folder: TempDir,
}

impl ByUrl {
    async fn new(options: &[&str]) -> ByUrl {
        let folder = tempfile::tempdir().unwrap();
        let start = |name| OutsideAgent::with_options(&folder.path().join(name), options);
        let agents = vec![start("a"), start("b")];
        let mut urls: Vec<_> = agents.iter().map(|agent| agent.url.clone()).collect();
        // Named twice, it is still one machine.
        urls.push(urls[0].clone());
        let ledger = Memory::default();
        let pool = UrlPool::open(urls.clone(), settings(), ledger.of_pool()).await.unwrap();
        ByUrl { pool: Some(pool), urls, agents: Mutex::new(agents), ledger, _folder: folder }
    }
}

fn settings() -> UrlSettings {
    UrlSettings {
        host_types: vec!["there".to_owned()],
        retry: Duration::from_millis(100),
        client: client(),
        ..UrlSettings::default()
    }
}

fn request(lease: u64) -> LeaseRequest {
    LeaseRequest { lease: LeaseId(lease), build: BuildId(1), role: Role::Helper, host_type: "there".to_owned() }
}

async fn acquire(pool: &UrlPool, lease: u64) -> Result<Granted, PoolError> {
    tokio::time::timeout(PATIENCE, pool.acquire(request(lease), CancellationToken::new())).await.unwrap()
}

#[async_trait]
impl Subject for ByUrl {
    fn pool(&self) -> &dyn Pool {
        self.pool.as_ref().unwrap()
    }

    fn host_type(&self) -> &str {
        "there"
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
        let mut agents = self.agents.lock().unwrap();
        agents.iter_mut().find(|agent| agent.url.authority() == granted.machine.name).unwrap().kill();
    }

    async fn left_behind(&self) -> Vec<String> {
        let agents = self.agents.lock().unwrap();
        let files = agents.iter().flat_map(|agent| std::fs::read_dir(&agent.work_dir).unwrap().flatten());
        files.map(|entry| format!("{:?}", entry.path())).collect()
    }
}

#[async_trait]
impl Survivor for ByUrl {
    async fn next_life(&mut self) {
        self.pool = None;
        self.pool = Some(UrlPool::open(self.urls.clone(), settings(), self.ledger.of_pool()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    conformance::run(async || ByUrl::new(&[]).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_go_on_in_the_next_life() {
    conformance::run_survival(async || ByUrl::new(&[]).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_the_additions_is_not_taken_up_but_used_again() {
    let mut subject = ByUrl::new(&["--no-additions"]).await;
    let pool = subject.pool.as_ref().unwrap();
    let machine = acquire(pool, 1).await.unwrap().machine;
    subject.next_life().await;
    let pool = subject.pool.as_ref().unwrap();
    let request = AdoptRequest { lease: LeaseId(1), build: BuildId(1), role: Role::Helper, machine: machine.clone() };
    let refused = pool.adopt(request, CancellationToken::new()).await.expect_err("nothing can be attached to");
    assert_eq!(refused.kind(), ExecFailureKind::Refused);
    assert!(refused.chain().contains("cannot be taken up"), "{}", refused.chain());
    let both = [acquire(pool, 2).await.unwrap().machine.name, acquire(pool, 3).await.unwrap().machine.name];
    assert!(both.contains(&machine.name));
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_another_coordinator_leased_is_left_to_it() {
    let mut subject = ByUrl::new(&[]).await;
    let machine = acquire(subject.pool.as_ref().unwrap(), 1).await.unwrap().machine;
    let other = UrlPool::new(subject.urls.clone(), settings());
    let theirs = acquire(&other, 1).await.unwrap();
    assert_eq!(theirs.machine.name, machine.name);
    subject.next_life().await;
    let request = AdoptRequest { lease: LeaseId(1), build: BuildId(1), role: Role::Helper, machine };
    let adopted = subject.pool().adopt(request, CancellationToken::new()).await;
    let text = adopted.expect_err("it is another's").chain();
    assert!(text.contains("it serves lease"), "{text}");
    theirs.client.put_file("theirs", "theirs", 0o644).await.unwrap();
    other.shutdown().await;
    subject.pool().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_machine_is_skipped_and_used_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut dead = OutsideAgent::start(&folder.path().join("dead"), "127.0.0.1:0");
    let alive = OutsideAgent::start(&folder.path().join("alive"), "127.0.0.1:0");
    let address = dead.url.authority();
    dead.kill();
    let pool = UrlPool::new(vec![dead.url.clone(), alive.url.clone()], settings());
    assert_eq!(acquire(&pool, 1).await.unwrap().machine.name, alive.url.authority());
    let waiting = acquire(&pool, 2);
    let back = async { OutsideAgent::start(&folder.path().join("back"), &address) };
    let (granted, _back) = tokio::join!(waiting, back);
    assert_eq!(granted.unwrap().machine.name, address);
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_machine_at_all_is_an_error_that_names_each_cause() {
    let folder = tempfile::tempdir().unwrap();
    let mut dead = OutsideAgent::start(&folder.path().join("dead"), "127.0.0.1:0");
    dead.kill();
    let mut locked = OutsideAgent::start(&folder.path().join("locked"), "127.0.0.1:0");
    locked.url.password = Some(buildlet::Secret::new("wrong"));
    let pool = UrlPool::new(vec![dead.url.clone(), locked.url.clone()], settings());
    for lease in 1..=2 {
        let text = acquire(&pool, lease).await.expect_err("none can be used").chain();
        assert!(text.contains(&dead.url.authority()) && text.contains("unreachable"), "{text}");
        assert!(text.contains(&locked.url.authority()) && text.contains("wrong-password"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_machine_is_not_used_until_its_agent_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = OutsideAgent::start(&folder.path().join("a"), "127.0.0.1:0");
    let address = agent.url.authority();
    let pool = UrlPool::new(vec![agent.url.clone()], settings());
    let granted = acquire(&pool, 1).await.unwrap();
    pool.release(granted.lease, Condition::Broken { cause: "it ate the tree".to_owned() }).await;
    let text = acquire(&pool, 2).await.expect_err("it broke").chain();
    assert!(text.contains("it ate the tree"), "{text}");
    agent.kill();
    let again = OutsideAgent::start(&folder.path().join("b"), &address);
    assert_eq!(again.url.authority(), address);
    // Until the pause is over, the old cause is told.
    let deadline = std::time::Instant::now() + PATIENCE;
    let granted = loop {
        match acquire(&pool, 3).await {
            Ok(granted) => break granted,
            Err(error) => assert!(std::time::Instant::now() < deadline, "{}", error.chain()),
        }
    };
    assert_eq!(granted.machine.name, address);
    pool.shutdown().await;
}

#[tokio::test]
async fn without_a_url_nothing_can_be_built() {
    let pool = UrlPool::new(Vec::new(), settings());
    let refusal = pool.can_build("there").await.expect_err("there is no machine");
    assert!(refusal.to_string().contains("no buildlet URL"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_superseded_touches_no_machine_any_more() {
    let subject = ByUrl::new(&[]).await;
    let other = UrlPool::open(subject.urls.clone(), settings(), Memory::default().of_pool()).await.unwrap();
    let theirs = [acquire(&other, 1).await.unwrap(), acquire(&other, 2).await.unwrap()];
    for granted in &theirs {
        granted.client.put_file("theirs", "theirs", 0o644).await.unwrap();
    }
    *subject.ledger.superseded.lock().unwrap() = true;
    let refused = acquire(subject.pool.as_ref().unwrap(), 3).await.expect_err("it is not its turn any more");
    assert!(refused.chain().contains("another coordinator has taken over"), "{}", refused.chain());
    for granted in &theirs {
        granted.client.put_file("more", "more", 0o644).await.unwrap();
    }
    assert_eq!(subject.left_behind().await.len(), 4, "what the other one put there");
    other.shutdown().await;
}

/// Numbers are times in milliseconds, and clocks differ.
async fn serve_a_lease(subject: &ByUrl, number: u64) {
    for url in &subject.urls {
        let before = buildlet::client::Client::connect(url, client()).await.unwrap();
        before.set_lease(buildlet::protocol::Lease(number));
        before.put_file("before", "before", 0o644).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_no_clock_comes_to_makes_one_machine_unusable_and_no_other() {
    let subject = ByUrl::new(&[]).await;
    serve_a_lease(&subject, u64::MAX).await;
    let pool = subject.pool.as_ref().unwrap();
    let refused = acquire(pool, 1).await.expect_err("no number is above it").chain();
    assert!(refused.contains("more than a day ahead: restart its agent"), "{refused}");
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_whose_last_coordinators_clock_was_ahead_is_leased() {
    let subject = ByUrl::new(&[]).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    serve_a_lease(&subject, u64::try_from(now.as_millis()).unwrap() + 3_600_000).await;
    let pool = subject.pool.as_ref().unwrap();
    let granted = acquire(pool, 1).await.unwrap();
    granted.client.put_file("now", "now", 0o644).await.unwrap();
    pool.shutdown().await;
}
