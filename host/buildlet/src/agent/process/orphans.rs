//! Orphans: processes of commands whose parents ended. An agent that is a process of its own adopts and buries them.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::Mutex,
    time::Duration,
};

use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};
use tokio::signal::unix::{SignalKind, signal};

use super::table::{self, Process};

/// A process can start others while it is being killed; each round finds those.
const MAX_ROUNDS: u32 = 100;
/// The kernel is given time to let the killed go.
const ROUND_PAUSE: Duration = Duration::from_millis(5);

/// The children of this process that are commands, and whether the others are ours to kill.
#[derive(Debug)]
pub(crate) struct Orphans {
    adopts: bool,
    leaders: Mutex<HashSet<i32>>,
}

impl Orphans {
    /// Adopts no orphans.
    pub(crate) fn none() -> Self {
        Orphans { adopts: false, leaders: Mutex::default() }
    }

    /// Has the kernel give orphans of our descendants to this process, which must have no children but commands.
    pub(crate) fn adopt() -> io::Result<Self> {
        set_child_subreaper(Some(Pid::INIT))?;
        Ok(Orphans { adopts: true, leaders: Mutex::default() })
    }

    pub(crate) fn adopts(&self) -> bool {
        self.adopts
    }

    /// Starts a command; nobody buries it before it is known.
    pub(crate) fn start<T>(&self, start: impl FnOnce() -> io::Result<(T, i32)>) -> io::Result<(T, i32)> {
        let mut leaders = self.lock();
        let (started, leader) = start()?;
        leaders.insert(leader);
        Ok((started, leader))
    }

    /// A command was waited for.
    pub(crate) fn forget(&self, leader: i32) {
        self.lock().remove(&leader);
    }

    /// Whether this process has surely adopted nobody, looked up without the process table.
    pub(super) fn adopted_none(&self) -> bool {
        if !self.adopts {
            return false;
        }
        let leaders = self.lock();
        table::children(own()).iter().all(|child| leaders.contains(child))
    }

    /// Orphans, if no other command runs whose they could be.
    pub(super) fn adopted(&self, leader: i32, processes: &HashMap<i32, Process>) -> Vec<i32> {
        let leaders = self.lock();
        if !self.adopts || leaders.iter().any(|other| *other != leader) {
            return Vec::new();
        }
        let own = own();
        let children = processes.values().filter(|process| process.parent == own);
        children.map(|process| process.pid).filter(|pid| !leaders.contains(pid)).collect()
    }

    /// At the end: kills all that descends from this process, if nothing but commands does.
    pub(crate) fn kill_all(&self) {
        if !self.adopts {
            return;
        }
        for _ in 0..MAX_ROUNDS {
            let victims = table::descendants(own());
            if victims.is_empty() {
                return;
            }
            victims.into_iter().for_each(table::kill);
            std::thread::sleep(ROUND_PAUSE);
        }
        tracing::warn!("processes of commands could not be killed");
    }

    /// Buries orphans as they die, for ever.
    pub(crate) async fn bury(&self) -> io::Result<()> {
        if !self.adopts {
            return std::future::pending().await;
        }
        let mut deaths = signal(SignalKind::child())?;
        loop {
            self.bury_once();
            if deaths.recv().await.is_none() {
                return Ok(());
            }
        }
    }

    fn bury_once(&self) {
        let leaders = self.lock();
        for child in table::children(own()).into_iter().filter(|child| !leaders.contains(child)) {
            if table::one(child).is_some_and(|process| process.zombie) {
                // Gone already is well, too.
                let _ = waitpid(Pid::from_raw(child), WaitOptions::NOHANG);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<i32>> {
        self.leaders.lock().expect("no holder of this lock can panic")
    }
}

fn own() -> i32 {
    i32::try_from(std::process::id()).expect("process ids fit")
}
