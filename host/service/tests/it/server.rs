//! A server to ask, and a client that asks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Context as _;
use async_trait::async_trait;
use coordinator::ports::LogFormat;
use coordinator::{Coordinator, CoordinatorConfig, JobSetup, JobSource, Resources};
use engine::{BuildId, BuildSpec, ExecFailure};
use logs::{LogSettings, LogStore};
use serde_json::Value;
use service::identity::{Scope, Scopes, mint};
use service::ports::{BuilderView, PlanRefused, Planned, Planner, PluginView, PoolView, ReloadReport};
use service::{Parts, Service, ServiceSettings, Standing, Submission};
use snapshot::blob::{BlobOptions, BlobStore};
use store::Store;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::recorded::spec;

/// A server that ends when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    pub(crate) logs: LogStore,
    pub(crate) service: Arc<Service>,
    pub(crate) planner: Arc<Plans>,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: Option<JoinHandle<()>>,
    pub(crate) http: reqwest::Client,
    _folder: TempDir,
}

/// Builds wait for a job that never comes: what happens to one is up to the test.
struct NoJobs;

#[async_trait]
impl JobSource for NoJobs {
    async fn job(&self, _spec: &BuildSpec, _submission: &str) -> Result<JobSetup, ExecFailure> {
        std::future::pending().await
    }
}

/// Plans whatever names the builder `pytest`, has the pools that a test gives it, and remembers what was changed.
pub(crate) struct Plans {
    pools: Mutex<Vec<PoolView>>,
    refuses: Mutex<Option<PlanRefused>>,
    project: Mutex<Option<String>>,
    changes: Mutex<Vec<String>>,
}

impl Plans {
    fn new() -> Arc<Plans> {
        let local = PoolView { name: "local".to_owned(), ..PoolView::default() };
        Arc::new(Plans {
            pools: Mutex::new(vec![local]),
            refuses: Mutex::default(),
            project: Mutex::default(),
            changes: Mutex::default(),
        })
    }

    /// These are the pools from now on.
    pub(crate) fn have(&self, pools: Vec<PoolView>) {
        *locked(&self.pools) = pools;
    }

    /// Changes are refused for this reason from now on; none: they are not.
    pub(crate) fn refuse(&self, refused: Option<PlanRefused>) {
        *locked(&self.refuses) = refused;
    }

    /// Trees call themselves so from now on.
    pub(crate) fn call_trees(&self, project: &str) {
        *locked(&self.project) = Some(project.to_owned());
    }

    /// What was changed, and by whom.
    pub(crate) fn changes(&self) -> Vec<String> {
        locked(&self.changes).clone()
    }

    fn change(&self, what: String) -> Result<ReloadReport, PlanRefused> {
        if let Some(refused) = locked(&self.refuses).clone() {
            return Err(refused);
        }
        locked(&self.changes).push(what);
        Ok(ReloadReport::default())
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().expect("no holder of this lock can panic")
}

#[async_trait]
impl Planner for Plans {
    async fn plan(&self, build: BuildId, submission: &Submission) -> Result<Planned, PlanRefused> {
        let builder = submission.builder.clone().unwrap_or_else(|| "pytest".to_owned());
        if builder != "pytest" {
            let what = format!("there is no builder `{builder}`");
            return Err(PlanRefused { what, hint: "`muster builders` lists those there are".to_owned() });
        }
        let mut spec = spec(build);
        spec.priority = submission.priority;
        if let Some(project) = locked(&self.project).clone() {
            spec.project = project;
        }
        Ok(Planned { spec, log: LogFormat::Plain, pinned: Value::Null })
    }

    fn builders(&self) -> Vec<BuilderView> {
        vec![BuilderView { name: "pytest".to_owned(), ..BuilderView::default() }]
    }

    fn plugins(&self) -> Vec<PluginView> {
        vec![PluginView { name: "pytest".to_owned(), digest: "sha256:01".to_owned(), ..PluginView::default() }]
    }

    async fn pools(&self) -> Vec<PoolView> {
        locked(&self.pools).clone()
    }

    async fn reload(&self, who: &str) -> Result<ReloadReport, PlanRefused> {
        self.change(format!("{who} reloads"))
    }

    async fn rollback(&self, plugin: &str, who: &str) -> Result<ReloadReport, PlanRefused> {
        self.change(format!("{who} rolls {plugin} back"))
    }
}

/// What the settings are unless a test needs others.
pub(crate) fn settings() -> ServiceSettings {
    ServiceSettings { tree_bytes: 1 << 20, body_bytes: 16 << 10, streams: 4, ..ServiceSettings::default() }
}

/// A server that drives builds.
pub(crate) async fn start() -> anyhow::Result<Server> {
    start_with(settings()).await
}

/// The same, under other settings.
pub(crate) async fn start_with(settings: ServiceSettings) -> anyhow::Result<Server> {
    let server = starting(settings).await?;
    let epoch = server.store.claim_epoch("coordinator").await?;
    let resources =
        Resources { store: server.store.clone(), epoch, logs: Some(server.logs.clone()), jobs: Arc::new(NoJobs) };
    let coordinator = Coordinator::start(CoordinatorConfig::default(), resources).await?;
    server.service.stand(Standing::Active(Arc::new(coordinator)));
    Ok(server)
}

/// A server that does not know yet what it is.
pub(crate) async fn starting(settings: ServiceSettings) -> anyhow::Result<Server> {
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite://{}", folder.path().join("muster.db").display());
    let store = Store::open(&database, &store::Settings::default()).await?;
    let blobs = BlobStore::open(&folder.path().join("blobs").display().to_string(), &BlobOptions::default())?;
    let logs = LogStore::new(blobs.clone(), LogSettings::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let listen = listener.local_addr()?;
    let (store_of, logs_of, planner) = (store.clone(), logs.clone(), Plans::new());
    let asked: Arc<dyn Planner> = Arc::clone(&planner) as Arc<dyn Planner>;
    let service = Service::new(Parts { store: store_of, blobs, logs: logs_of, planner: asked, settings, listen });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(service::serve(listener, Arc::clone(&service), stop.clone()));
    // Another test of this process may have chosen it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().build()?;
    Ok(Server { address: listen, store, logs, service, planner, stop, serving: Some(serving), http, _folder: folder })
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    /// Stops to serve, and serves again at the same address: streams break, builds go on.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.await?;
        }
        let parts = Parts {
            store: self.store.clone(),
            blobs: self.service.blobs().clone(),
            logs: self.logs.clone(),
            planner: Arc::clone(&self.planner) as Arc<dyn Planner>,
            settings: settings(),
            listen: self.address,
        };
        let (service, standing) = (Service::new(parts), self.service.standing());
        service.stand(standing);
        (self.service, self.stop) = (service, CancellationToken::new());
        let listener = TcpListener::bind(self.address).await?;
        self.serving = Some(tokio::spawn(service::serve(listener, Arc::clone(&self.service), self.stop.clone())));
        Ok(())
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A new token with this scope, for this name.
    pub(crate) async fn token(&self, name: &str, scope: Scope) -> anyhow::Result<String> {
        self.token_until(name, scope, None).await
    }

    /// The same, with an end.
    pub(crate) async fn token_until(&self, name: &str, scope: Scope, expires: Option<u64>) -> anyhow::Result<String> {
        let minted = mint(name, &Scopes::new([scope]), expires, "test").ok().context("no token")?;
        self.store.add_token(&minted.row).await?;
        Ok(minted.secret)
    }

    /// A client with a token of this scope.
    pub(crate) async fn client(&self, scope: Scope) -> anyhow::Result<Client<'_>> {
        Ok(Client { server: self, token: self.token(scope.word(), scope).await? })
    }
}

/// A client.
pub(crate) struct Client<'a> {
    pub(crate) server: &'a Server,
    pub(crate) token: String,
}

impl Client<'_> {
    /// A request below `/api/v1`.
    pub(crate) fn request(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        self.server.http.request(method, self.server.url(&format!("/api/v1{path}"))).bearer_auth(&self.token)
    }

    /// Reads: status and body, as JSON where it is.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        answer(self.request(http::Method::GET, path)).await
    }

    /// Sends JSON: status and body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        answer(self.request(http::Method::POST, path).json(body)).await
    }

    /// Uploads something as a tree: its digest.
    pub(crate) async fn upload(&self, content: &[u8]) -> anyhow::Result<String> {
        let digest = format!("sha256:{}", snapshot::Digest::of(content));
        let request = self.request(http::Method::PUT, &format!("/trees/{digest}")).body(content.to_vec());
        let (status, body) = answer(request).await?;
        anyhow::ensure!(status == 201 || status == 204, "{status}: {body}");
        Ok(digest)
    }

    /// Submits a build of something: its number.
    pub(crate) async fn submit(&self) -> anyhow::Result<u64> {
        let tree = self.upload(b"a tree").await?;
        let (status, body) = self.post("/builds", &serde_json::json!({ "tree": tree })).await?;
        anyhow::ensure!(status == 201, "{status}: {body}");
        body["id"].as_u64().context("no id")
    }
}

/// Sends a request: status and body, as JSON where it is.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<(u16, Value)> {
    let answer = request.send().await?;
    let (status, text) = (answer.status().as_u16(), answer.text().await?);
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}
