//! The agent as a whole: binds, accepts, and at the end leaves no process behind.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{
    AgentConfig, AgentError,
    connection::serve_connection,
    process::{Cgroups, ParentWatch, RunningNotes},
    remove::remove_tree,
    state::AgentState,
};
use crate::{BuildletUrl, Trust};

/// After accepting fails (no file descriptors), accepting rests for this time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What goes on after the end gets this long.
const END_BUDGET: Duration = Duration::from_secs(10);

/// An agent that listens.
#[derive(Debug)]
pub struct Agent {
    listener: TcpListener,
    address: SocketAddr,
    acceptor: Option<Acceptor>,
    parent: Option<ParentWatch>,
    state: Arc<AgentState>,
}

#[derive(Clone)]
pub(super) struct Acceptor(pub(super) TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

/// Why an agent stopped serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeEnd {
    /// It was told to by its starter.
    Shutdown,
    /// It was told to by `/halt`.
    Halted,
    /// The process that started it ended.
    ParentEnded,
    /// Nobody called for as long as it waits.
    Orphaned,
}

impl Agent {
    /// Prepares the directories, kills what an earlier agent of the same state directory left, and listens.
    ///
    /// # Errors
    /// If a directory, the address or TLS cannot be used, or another agent uses the state directory.
    pub async fn bind(config: AgentConfig) -> Result<Self, AgentError> {
        let parent = (config.own_process && config.die_with_parent).then(ParentWatch::begin);
        let acceptor = match &config.tls {
            Some(pair) => Some(Acceptor(TlsAcceptor::from(pair.server_config().map_err(AgentError::Tls)?))),
            None => None,
        };
        let failed = |source| AgentError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let state = Arc::new(AgentState::prepare(config)?);
        Ok(Agent { listener, address, acceptor, parent, state })
    }

    /// The address listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// All a client needs, password included. Under TLS the certificate is named by its fingerprint.
    #[must_use]
    pub fn url(&self) -> BuildletUrl {
        let config = &self.state.config;
        BuildletUrl {
            host: config.advertise.clone().unwrap_or_else(|| self.address.ip().to_string()),
            port: self.address.port(),
            password: config.password.clone(),
            trust: config.tls.as_ref().map_or(Trust::Plain, |pair| Trust::Fingerprint(pair.fingerprint())),
        }
    }

    /// Serves until `shutdown` is done, `/halt` is asked for, the parent ended, or nobody calls any more; then kills all
    /// commands. An orphan removes the folders that it was told to.
    ///
    /// # Errors
    /// If the system cannot tell of the end of the parent or of children.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<ServeEnd, AgentError> {
        let orphans = Arc::clone(&self.state.orphans);
        let process = |what| move |source| AgentError::Process { what, source };
        let parent_ended = async {
            match &self.parent {
                Some(parent) => parent.ended().await.map_err(process("watch the parent process")),
                None => std::future::pending().await,
            }
        };
        let orphaned = async {
            match &self.state.config.orphan {
                Some(orphan) => self.state.contact.lost(orphan.after).await,
                None => std::future::pending().await,
            }
        };
        let mut connections = JoinSet::new();
        let end = tokio::select! {
            () = shutdown => Ok(ServeEnd::Shutdown),
            () = self.state.halt.notified() => Ok(ServeEnd::Halted),
            ended = parent_ended => ended.map(|()| ServeEnd::ParentEnded),
            () = orphaned => Ok(ServeEnd::Orphaned),
            buried = orphans.bury() => buried.map_err(process("bury orphans")).map(|()| ServeEnd::Shutdown),
            never = self.accept(&mut connections) => match never {},
        };
        self.end_commands().await;
        connections.shutdown().await;
        self.clean_up(matches!(end, Ok(ServeEnd::Orphaned))).await;
        end
    }

    /// First the commands; their ends are recorded before the connections go.
    async fn end_commands(&self) {
        let ending = async {
            self.state.execs.kill_all(true).await;
            self.state.tasks.close();
            self.state.tasks.wait().await;
        };
        if tokio::time::timeout(END_BUDGET, ending).await.is_err() {
            tracing::error!("commands could not be ended in time");
        }
    }

    /// Leaves no process, and of an orphan no folder that is nobody else's.
    async fn clean_up(&self, is_orphan: bool) {
        let mut folders = Vec::new();
        if let Some(orphan) = self.state.config.orphan.as_ref().filter(|_| is_orphan) {
            tracing::warn!(after = ?orphan.after, "nobody called for so long: this buildlet ends");
            folders.clone_from(&orphan.remove);
        }
        let orphans = Arc::clone(&self.state.orphans);
        let cleaning = tokio::task::spawn_blocking(move || {
            orphans.kill_all();
            folders.iter().for_each(|folder| remove_folder(folder));
        });
        if let Err(error) = cleaning.await {
            tracing::error!(%error, "cleaning up failed");
        }
        self.state.cgroups.remove();
    }

    async fn accept(&self, connections: &mut JoinSet<()>) -> std::convert::Infallible {
        let places = Arc::new(Semaphore::new(self.state.config.limits.connections));
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            while connections.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (state, acceptor) = (Arc::clone(&self.state), self.acceptor.clone());
                    connections.spawn(async move {
                        serve_connection(&state, stream, acceptor).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn remove_folder(folder: &Path) {
    if let Err(error) = remove_tree(folder) {
        tracing::warn!(folder = %folder.display(), %error, "an orphan's folder could not be removed");
    }
}

/// Binds, tells its URL, and serves to the end: the whole of an agent's process.
///
/// # Errors
/// As [`Agent::bind`] and [`Agent::serve`].
pub async fn run_until(
    config: AgentConfig,
    ready: impl FnOnce(&BuildletUrl),
    shutdown: impl Future<Output = ()>,
) -> Result<ServeEnd, AgentError> {
    let agent = Agent::bind(config).await?;
    ready(&agent.url());
    agent.serve(shutdown).await
}

/// Kills what an agent that died left running, without starting another. For who started that agent.
///
/// # Errors
/// If the notes in the state directory cannot be read.
pub fn kill_leftovers(state_dir: &Path) -> Result<(), AgentError> {
    let failed = |source| AgentError::Directory { path: state_dir.to_owned(), source };
    let state_dir = std::path::absolute(state_dir).map_err(failed)?;
    RunningNotes::take_over(&state_dir).map_err(failed)?;
    let cgroups = Cgroups::detect(&Cgroups::name_for(&state_dir));
    cgroups.clear();
    cgroups.remove();
    Ok(())
}
