//! One life of a service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use buildlet::Secret;
use coordinator::{Coordinator, CoordinatorConfig, JobSource, Resources};
use engine::EngineConfig;
use service::{MetricsAccess, Parts, Service, ServiceSettings, Standing, TraceSettings, Traces};
use store::Epoch;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::planner::HostPlanner;
use super::workshop::Workshop;
use super::{generations, housekeeping, open, reload, right, token, traces};
use crate::args::{GlobalArgs, ServeArgs};
use crate::assemble::Survival;
use crate::config::find::{Folders, Kept};
use crate::config::host::{HostFile, ServeSection};
use crate::exit::UsageError;

/// The least that traces are given when the service stops.
const LAST_TRACES: Duration = Duration::from_secs(5);

/// Serves until it is told to stop.
///
/// # Errors
/// What kept it from serving, or ended it.
pub(crate) async fn run(global: &GlobalArgs, args: &ServeArgs) -> anyhow::Result<()> {
    let folders = Folders::of_process();
    let adjust = adjustments(args);
    let mut host = match (args.dev, &global.config) {
        (true, None) => HostFile::default(),
        (_, named) => HostFile::find(named.as_deref(), &folders)?,
    };
    adjust(&mut host);
    let file = host.source.as_ref().map(|source| source.path.clone());
    let serve = host.config.serve.clone();
    let kept = kept(args.state.as_deref(), &host, &folders)?;
    let traces = traces::settings(&host, &kept.state, |name| std::env::var(name).ok())?;
    let _claim = open::claim(&kept.state)?;
    let listener = listen(&serve.listen).await?;
    let listen = listener.local_addr().context("failed to find out where it listens")?;
    let workshop = Arc::new(open::workshop(host, kept.clone()).await?);
    let token = token::ensure(&workshop.store, &kept.state).await?;
    token::announce(&folders, listen, &token)?;
    let planner = Arc::new(HostPlanner::new(Arc::clone(&workshop), file.clone(), adjust).await);
    let service = Service::new(parts(&workshop, &planner, &serve, listen));
    let stop = CancellationToken::new();
    let served = tokio::spawn(service::serve(listener, Arc::clone(&service), stop.clone()));
    eprintln!("muster serves http://{listen}/ (token: {})", token.display());
    if args.dev {
        tell_link(&service, listen, &token).await?;
    }
    let life = Life { workshop, planner, service, serve, file, traces };
    let lived = life.live().await;
    stop.cancel();
    served.await.context("the server panicked")?;
    lived
}

/// What the command line says goes before the file, each time that is read.
fn adjustments(args: &ServeArgs) -> impl Fn(&mut HostFile) + Send + Sync + 'static {
    let (dev, listen) = (args.dev, args.listen.clone());
    move |host: &mut HostFile| {
        let serve = &mut host.config.serve;
        if let Some(listen) = &listen {
            serve.listen.clone_from(listen);
        }
        // Whoever starts it for himself alone may run his own commands.
        serve.unmerged_on_local |= dev;
    }
}

/// Where a service keeps its state: in the folder that was named, else the host's, else this user's.
///
/// # Errors
/// There is none of these.
pub(crate) fn kept(named: Option<&Path>, host: &HostFile, folders: &Folders) -> anyhow::Result<Kept> {
    let named = named.map(Path::to_owned).or_else(|| host.config.state.dir.as_deref().map(|dir| host.resolve(dir)));
    // Not among what `muster build` keeps: its folder is swept by every build.
    let own = folders.state.as_ref().map(|state| state.join("serve"));
    let state = named.or(own).ok_or_else(|| {
        UsageError::new("there is no folder for the service's state", "set HOME, or give `--state DIR`")
    })?;
    let state = std::path::absolute(&state).with_context(|| format!("failed to resolve `{}`", state.display()))?;
    let compiled = state.join("compiled");
    Ok(Kept { state, compiled })
}

async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        UsageError::new(
            format!("failed to listen on `{address}`: {error}"),
            "give another address with `--listen ADDR`, or stop what listens there",
        )
        .into()
    })
}

fn parts(workshop: &Workshop, planner: &Arc<HostPlanner>, serve: &ServeSection, listen: SocketAddr) -> Parts {
    Parts {
        store: workshop.store.clone(),
        blobs: workshop.quick_blobs.clone(),
        logs: workshop.logs.clone(),
        planner: Arc::clone(planner) as Arc<dyn service::ports::Planner>,
        settings: ServiceSettings {
            names: serve.names.clone(),
            metrics: if serve.open_metrics { MetricsAccess::Open } else { MetricsAccess::Token },
            write_stall: serve.write_stall.0,
            ..ServiceSettings::default()
        },
        listen,
    }
}

/// A service that listens.
struct Life {
    workshop: Arc<Workshop>,
    planner: Arc<HostPlanner>,
    service: Arc<Service>,
    serve: ServeSection,
    file: Option<PathBuf>,
    traces: Option<TraceSettings>,
}

impl Life {
    /// Stands by, drives builds, and stops when told.
    async fn live(&self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
        let reload = reload::watch(Arc::clone(&self.planner), Arc::clone(&self.workshop), self.file.clone());
        let _reload = AbortOnDropHandle::new(tokio::spawn(reload));
        let told = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        tokio::pin!(told);
        self.service.stand(Standing::Standby);
        // One process has the state folder: who comes back to it need not wait for itself.
        let holder = format!("{} {}", hostname(), self.workshop.kept.state.display());
        let takeover = self.serve.takeover.0;
        let epoch = tokio::select! {
            epoch = right::take(&self.workshop.store, &holder, takeover) => epoch?,
            () = &mut told => return Ok(()),
        };
        self.service.stand(Standing::Starting);
        self.workshop.pools.drive(self.survival(&epoch).await?)?;
        generations::note(&self.workshop.store, &self.workshop.shelf.current()).await?;
        let coordinator = Arc::new(self.coordinator(epoch.clone()).await?);
        self.service.stand(Standing::Active(Arc::clone(&coordinator)));
        tracing::info!(builds = coordinator.builds().len(), "this coordinator drives the builds");
        let traces = self.traces(&coordinator)?;
        let house = housekeeping::keep(Arc::clone(&self.workshop), self.serve.adoption.0);
        let _house = AbortOnDropHandle::new(tokio::spawn(house));
        let drained = async {
            told.await;
            let told = Instant::now();
            self.drain(&coordinator).await;
            told
        };
        let told = tokio::select! {
            () = right::keep(self.workshop.store.clone(), epoch.clone(), takeover) => {
                anyhow::bail!("another coordinator has taken over");
            }
            () = coordinator.stopped() => anyhow::bail!("the coordinator stopped; its log says why"),
            told = drained => told,
        };
        self.stop(&coordinator, &epoch).await?;
        if let Some(traces) = traces {
            let left = self.serve.drain.map(|drain| drain.0.saturating_sub(told.elapsed()));
            traces.finish(left.unwrap_or_default().max(LAST_TRACES)).await;
        }
        self.workshop.store.close().await;
        Ok(())
    }

    /// Sends traces from now on, if anybody wants them.
    fn traces(&self, coordinator: &Arc<Coordinator>) -> anyhow::Result<Option<Traces>> {
        let Some(settings) = self.traces.clone() else { return Ok(None) };
        tracing::info!(endpoint = settings.endpoint, "a trace of each build is sent");
        let begun = Traces::begin(Arc::clone(&self.service), Arc::clone(coordinator), settings);
        begun.map(Some).context("failed to make the client of the collector of traces")
    }

    async fn survival(&self, epoch: &Epoch) -> anyhow::Result<Survival> {
        let store = self.workshop.store.clone();
        let installation = store.installation(&installation_id()).await.context("failed to read the store")?;
        Ok(Survival {
            window: self.serve.adoption.0,
            store,
            epoch: epoch.clone(),
            patience: self.serve.store_patience.0,
            installation,
        })
    }

    async fn coordinator(&self, epoch: Epoch) -> anyhow::Result<Coordinator> {
        let config = CoordinatorConfig {
            engine: EngineConfig { max_active: self.serve.max_builds, adoption: Some(self.serve.adoption.0) },
            store_patience: self.serve.store_patience.0,
        };
        let resources = Resources {
            store: self.workshop.store.clone(),
            epoch,
            logs: Some(self.workshop.logs.clone()),
            jobs: Arc::clone(&self.workshop) as Arc<dyn JobSource>,
        };
        Coordinator::start(config, resources).await.context("failed to take up the unfinished builds")
    }

    /// Takes in no more builds, and waits a while for those that run.
    async fn drain(&self, coordinator: &Coordinator) {
        tracing::info!("stopping");
        self.service.stand(Standing::Standby);
        if let Some(drain) = self.serve.drain
            && tokio::time::timeout(drain.0, coordinator.drain()).await.is_err()
        {
            tracing::warn!("builds still ran after {drain}: they are taken up again by the next start");
        }
    }

    /// Ends this life: builds that run are taken up again by the next start.
    async fn stop(&self, coordinator: &Coordinator, epoch: &Epoch) -> anyhow::Result<()> {
        coordinator.stop().await;
        for (_, machines) in self.workshop.pools.all().await {
            machines.pool.leave().await;
        }
        self.workshop.store.release_epoch(epoch).await.context("failed to give up the right to drive builds")
    }
}

/// What a store is called from its first coordinator on.
fn installation_id() -> String {
    Secret::random().reveal().chars().take(12).collect()
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Says how a browser gets in without the token being typed.
async fn tell_link(service: &Service, listen: SocketAddr, token: &Path) -> anyhow::Result<()> {
    let secret = tokio::fs::read_to_string(token).await.context("failed to read the token")?;
    let link = service.login_link(secret.trim()).await;
    let link = link.map_err(|problem| anyhow::anyhow!("failed to make a link that logs in: {}", problem.detail()))?;
    eprintln!("open http://{listen}{link} (it logs a browser in once, within a quarter of an hour)");
    Ok(())
}
