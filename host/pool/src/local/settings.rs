//! Settings of the local pool.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use buildlet::client::ClientSettings;

/// Fewest buildlets of a machine when nobody said how many: one that makes and two that help wait for each other's
/// input and output often enough to gain even on one processor.
const FEWEST: u32 = 3;

/// Settings of the local pool.
#[derive(Clone, Debug)]
pub struct LocalSettings {
    /// The pool's name, and the first part of its machines' names.
    pub name: String,
    /// The binary that is the agent, `muster`.
    pub program: PathBuf,
    /// What stands before the options of the agent. `buildlet`.
    pub leading_args: Vec<OsString>,
    /// Where work directories and password files are made, in a folder for each pool.
    pub state_dir: PathBuf,
    /// The class its machines are of; empty: of every class that is asked for.
    pub host_types: Vec<String>,
    /// The most machines at a time. The number of processors, and at least 3.
    pub count: u32,
    /// What each machine may use.
    pub limits: MachineLimits,
    /// Machines outlive this process, and their folders and groups with them: the next pool over the same state directory
    /// and of the same name adopts them. For this long an agent waits for its coordinator; then it ends and removes what
    /// it has. Without this, machines end with this process.
    pub survive: Option<Duration>,
    /// For an agent to say where it listens. 30 s.
    pub start: Duration,
    /// For a machine's processes and folders to be gone. 60 s: a work directory may hold a million files.
    pub stop: Duration,
    /// Time budgets of its clients; heartbeats are closer than those of distant machines: every 2 s, 5 s each, 3 misses.
    pub client: ClientSettings,
}

impl LocalSettings {
    /// Defaults, for this agent and this folder.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> LocalSettings {
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        LocalSettings {
            name: "local".to_owned(),
            program: program.into(),
            leading_args: vec!["buildlet".into()],
            state_dir: state_dir.into(),
            host_types: Vec::new(),
            count: u32::try_from(processors).unwrap_or(u32::MAX).max(FEWEST),
            limits: MachineLimits::default(),
            survive: None,
            start: Duration::from_secs(30),
            stop: Duration::from_secs(60),
            client: ClientSettings {
                heartbeat_every: Duration::from_secs(2),
                heartbeat_timeout: Duration::from_secs(5),
                ..ClientSettings::default()
            },
        }
    }
}

/// What one machine may use, its agent and commands together; what is not given is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineLimits {
    /// Most memory.
    pub memory_bytes: Option<u64>,
    /// Most processor time, in thousandths of one processor.
    pub cpu_millis: Option<u64>,
}
