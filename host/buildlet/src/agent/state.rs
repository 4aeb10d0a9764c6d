//! What all requests of an agent share.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{
    AgentConfig, AgentError,
    contact::Contact,
    exec::{Execs, GO_DIRS},
    process::{Cgroups, Orphans, Ownership, RunningNotes},
    tree_writes::TreeWrites,
};
use crate::protocol::{Extensions, Platform, STATUS_VERSION, Status, millis};

/// The version of the additions.
const EXTENSIONS_VERSION: u32 = 1;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct AgentState {
    pub(crate) config: AgentConfig,
    pub(crate) work_dir: PathBuf,
    pub(crate) execs: Arc<Execs>,
    pub(crate) tree_writes: Arc<TreeWrites>,
    pub(crate) cgroups: Cgroups,
    pub(crate) orphans: Arc<Orphans>,
    /// Work that goes on after its request.
    pub(crate) tasks: TaskTracker,
    /// When somebody was last heard of.
    pub(crate) contact: Contact,
    /// Somebody asked for the end.
    pub(crate) halt: Notify,
    fetcher: OnceLock<reqwest::Client>,
    running: RunningNotes,
    instance: String,
    machine: String,
    /// Locked while the agent lives.
    _lock: std::fs::File,
}

impl AgentState {
    pub(crate) fn prepare(config: AgentConfig) -> Result<Self, AgentError> {
        let directory = |path: &PathBuf| {
            let path = path.clone();
            move |source| AgentError::Directory { path, source }
        };
        let work_dir = std::path::absolute(&config.work_dir).map_err(directory(&config.work_dir))?;
        std::fs::create_dir_all(&work_dir).map_err(directory(&work_dir))?;
        let state_dir = std::path::absolute(config.state_path()).map_err(directory(&config.state_path()))?;
        std::fs::create_dir_all(&state_dir).map_err(directory(&state_dir))?;
        let lock = lock(&state_dir)?;
        let orphans = if config.own_process {
            Orphans::adopt().map_err(|source| AgentError::Process { what: "adopt the orphans of commands", source })?
        } else {
            Orphans::none()
        };
        let running = RunningNotes::take_over(&state_dir).map_err(directory(&state_dir))?;
        let cgroups = if config.cgroups {
            let cgroups = Cgroups::detect(&Cgroups::name_for(&state_dir));
            cgroups.clear();
            cgroups
        } else {
            Cgroups::off()
        };
        if let Some(missing) = cgroups.missing() {
            tracing::info!(missing, "commands are neither limited nor measured");
        }
        let execs = Execs::load(&state_dir, config.limits.spool_bytes, config.limits.kept_execs)
            .map_err(directory(&state_dir))?;
        let machine = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Ok(AgentState {
            work_dir,
            execs: Arc::new(execs),
            tree_writes: Arc::new(TreeWrites::new()),
            cgroups,
            orphans: Arc::new(orphans),
            tasks: TaskTracker::new(),
            contact: Contact::new(),
            halt: Notify::new(),
            fetcher: OnceLock::new(),
            running,
            instance: crate::Secret::random().reveal().to_owned(),
            machine: machine.trim().to_owned(),
            _lock: lock,
            config,
        })
    }

    /// The answer of `/status`.
    pub(crate) fn status(&self) -> Status {
        if !self.config.announce_additions {
            return Status { version: STATUS_VERSION, muster: None };
        }
        let kills = match (self.cgroups.tracks(), self.orphans.adopts()) {
            (true, _) => Ownership::Cgroup,
            (false, true) => Ownership::Subreaper,
            (false, false) => Ownership::Session,
        };
        let extensions = Extensions {
            version: EXTENSIONS_VERSION,
            instance: self.instance.clone(),
            machine: self.machine.clone(),
            lease: self.execs.lease(),
            orphan_after_ms: self.config.orphan.as_ref().map(|orphan| millis(orphan.after)),
            platform: Platform::own(),
            limits: self.cgroups.kind().to_owned(),
            limits_missing: self.cgroups.missing().map(str::to_owned),
            kills: kills.name().to_owned(),
            clone: !self.config.allow_clone_from.is_empty(),
            spool_limit_bytes: self.config.limits.spool_bytes,
            disk_free_bytes: self.disk_free(),
            waiting: self.execs.waiting(),
        };
        Status { version: STATUS_VERSION, muster: Some(extensions) }
    }

    /// Free space of the work directory's file system for us, in bytes.
    pub(crate) fn disk_free(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.work_dir).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Makes the work directory if somebody removed it.
    pub(crate) fn ensure_work_dir(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.work_dir)
    }

    /// The same with the directories that commands are told of.
    pub(crate) fn ensure_exec_dirs(&self) -> io::Result<()> {
        self.ensure_work_dir()?;
        let dirs: &[_] = if self.config.go_dirs { &GO_DIRS } else { &[] };
        dirs.iter().try_for_each(|(_, dir)| std::fs::create_dir_all(self.work_dir.join(dir)))
    }

    pub(crate) fn note_running(&self, leader: i32) {
        self.running.add(leader);
    }

    pub(crate) fn note_ended(&self, leader: i32) {
        self.running.remove(leader);
    }

    /// Fetches archives by URL; made when first needed.
    pub(crate) fn fetcher(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher);
        }
        // The client brings no cryptography of its own. An error only says that the process has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let stall = self.config.limits.fetch_stall;
        let fetcher = reqwest::Client::builder().connect_timeout(stall).read_timeout(stall).build()?;
        Ok(self.fetcher.get_or_init(|| fetcher))
    }
}

fn lock(state_dir: &std::path::Path) -> Result<std::fs::File, AgentError> {
    let path = state_dir.join("lock");
    let file = std::fs::File::create(&path).map_err(|source| AgentError::Directory { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(AgentError::StateInUse(state_dir.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(AgentError::Directory { path, source }),
    }
}
