//! How an agent is started.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use crate::{Secret, tls::KeyPair};

/// How an agent is started. [`AgentConfig::new`] has defaults for all but the work directory.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// The host name in the printed URL; `None` is the address listened on.
    pub advertise: Option<String>,
    /// Where files go and commands run; made when missing.
    pub work_dir: PathBuf,
    /// Spools, end records and the lease; kept over restarts, and to be hidden from commands where possible. `None`
    /// is the work directory's path with `.state` appended.
    pub state_dir: Option<PathBuf>,
    /// The password; `None` lets everybody in.
    pub password: Option<Secret>,
    /// Serves TLS with this pair; `None` is plain HTTP.
    pub tls: Option<Arc<KeyPair>>,
    /// `/halt` ends `Agent::serve`; otherwise it only kills what runs. Default true.
    pub halt_exits: bool,
    /// Directories from which `/muster/clone` may copy. Default none: it is refused.
    pub allow_clone_from: Vec<PathBuf>,
    /// Announce what Muster adds. Default true; without it clients take the agent for one of x/build's.
    pub announce_additions: bool,
    /// This process does nothing but serve this agent, so that it may adopt orphans of commands and kill them.
    pub own_process: bool,
    /// End, with all processes, when the process that started this one ends. Needs `own_process`.
    pub die_with_parent: bool,
    /// What to do when no coordinator is heard of any more. Default: go on for ever.
    pub orphan: Option<OrphanConfig>,
    /// Limit and measure by cgroup where possible. Default true.
    pub cgroups: bool,
    /// The environment commands start from; `None` is this process's own.
    pub base_env: Option<Vec<(OsString, OsString)>>,
    /// Sets `TMPDIR`, `GOCACHE` and `GOPLSCACHE` to directories of the work directory, as Go's buildlet does. Default
    /// true.
    pub go_dirs: bool,
    /// Bounds and time budgets.
    pub limits: AgentLimits,
}

impl AgentConfig {
    /// An agent on a free loopback port without TLS and password.
    #[must_use]
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        AgentConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            advertise: None,
            work_dir: work_dir.into(),
            state_dir: None,
            password: None,
            tls: None,
            halt_exits: true,
            allow_clone_from: Vec::new(),
            announce_additions: true,
            own_process: false,
            die_with_parent: false,
            orphan: None,
            cgroups: true,
            base_env: None,
            go_dirs: true,
            limits: AgentLimits::default(),
        }
    }

    pub(crate) fn state_path(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| {
            let mut path = self.work_dir.clone().into_os_string();
            path.push(".state");
            PathBuf::from(path)
        })
    }
}

/// What an agent does that nobody calls any more: it kills all that it started and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanConfig {
    /// After so long without an authenticated request. A client's heartbeat is one; a command that runs is not.
    pub after: Duration,
    /// These folders go then. No other does: who starts the agent names those that are nobody else's.
    pub remove: Vec<PathBuf>,
}

/// Bounds and time budgets of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentLimits {
    /// Most connections at once; further ones wait in the system's queue. 512.
    pub connections: usize,
    /// From the first byte of a head to its end. 20 s.
    pub head: Duration,
    /// An idle connection is closed after this time. 3 min.
    pub idle: Duration,
    /// Without a byte of a request's body the connection is broken; a response nobody reads, too, outside of exec.
    /// 5 min.
    pub stall: Duration,
    /// Unacknowledged output an exec with an id may have before it waits, in bytes. 1 GiB.
    pub spool_bytes: u64,
    /// Most execs with an id that are kept until acknowledged, running ones included. 4096.
    pub kept_execs: usize,
    /// Between the answer of `/halt` and the end. 1 s, as Go's.
    pub halt_delay: Duration,
    /// To fetch an archive by URL: to connect, and for each read. 60 s.
    pub fetch_stall: Duration,
    /// A failed command on a file system with less free space than this is taken for a victim of the full disk, where
    /// both sides have the additions. 64 KiB.
    pub full_disk_bytes: u64,
}

impl Default for AgentLimits {
    fn default() -> Self {
        AgentLimits {
            connections: 512,
            head: Duration::from_secs(20),
            idle: Duration::from_secs(180),
            stall: Duration::from_secs(300),
            spool_bytes: 1 << 30,
            kept_execs: 4096,
            halt_delay: Duration::from_secs(1),
            fetch_stall: Duration::from_secs(60),
            full_disk_bytes: 64 << 10,
        }
    }
}
