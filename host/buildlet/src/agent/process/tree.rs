//! All processes of one command, and how to kill them, daemons included.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::{
    exec_cgroup::ExecCgroup,
    orphans::Orphans,
    table::{self, Process},
};
use crate::protocol::LeftBehind;

/// A process can start others while it is being killed; each round finds those.
const MAX_ROUNDS: u32 = 100;
/// After a few rounds the kernel is given time to let the killed go.
const ROUND_PAUSE: Duration = Duration::from_millis(5);
/// Names kept of what was left behind.
const MAX_NAMES: usize = 16;

/// How processes are found, as `/status` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// By control group: none escapes.
    Cgroup,
    /// This process adopts orphans: none escapes, but of two commands at once it cannot tell whose an orphan is.
    Subreaper,
    /// By parent, group and session: a daemon whose parents ended escapes.
    Session,
}

impl Ownership {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ownership::Cgroup => "cgroup",
            Ownership::Subreaper => "subreaper",
            Ownership::Session => "session",
        }
    }
}

/// The processes of one command.
#[derive(Debug)]
pub(crate) struct Tree {
    leader: i32,
    cgroup: Option<ExecCgroup>,
    orphans: Arc<Orphans>,
}

impl Tree {
    /// The tree of a process just started, the leader of its own process group.
    pub(crate) fn new(leader: i32, cgroup: Option<ExecCgroup>, orphans: Arc<Orphans>) -> Self {
        Tree { leader, cgroup, orphans }
    }

    pub(crate) fn leader(&self) -> i32 {
        self.leader
    }

    /// Removes the control group of a tree that is dead.
    pub(crate) fn remove_cgroup(&self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }

    pub(crate) fn cgroup(&self) -> Option<&ExecCgroup> {
        self.cgroup.as_ref()
    }

    /// Kills everything, the leader included. Its process group goes at once, so that a shell does not live to remark
    /// on the death of its children.
    pub(crate) fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.leader) {
            // No such group is well; who could not be killed is met again below.
            let _ = kill_process_group(group, Signal::KILL);
        }
        self.sweep();
    }

    /// After the leader ended and was waited for: kills what it left running, and says what that was.
    pub(crate) fn kill_left_behind(&self) -> LeftBehind {
        if self.is_empty() { LeftBehind::default() } else { self.sweep() }
    }

    /// Whether nothing is left, found without reading the whole process table.
    fn is_empty(&self) -> bool {
        let group = Pid::from_raw(self.leader).map(test_kill_process_group);
        if group != Some(Err(rustix::io::Errno::SRCH)) {
            return false;
        }
        match &self.cgroup {
            // What escaped while the leader was moved into the group was adopted.
            Some(cgroup) => cgroup.processes().is_empty() && (!self.orphans.adopts() || self.orphans.adopted_none()),
            None => self.orphans.adopted_none(),
        }
    }

    fn sweep(&self) -> LeftBehind {
        let mut known = HashSet::from([self.leader]);
        let mut left = LeftBehind::default();
        let mut counted = HashSet::new();
        for round in 0..MAX_ROUNDS {
            let processes = table::all();
            let victims = self.victims(&processes, &mut known);
            if victims.is_empty() {
                return left;
            }
            for victim in victims {
                if victim.pid != self.leader && counted.insert((victim.pid, victim.started)) {
                    left.count += 1;
                    if left.names.len() < MAX_NAMES {
                        left.names.push(victim.name.clone());
                    }
                }
                table::kill(victim.pid);
            }
            if round > 1 {
                std::thread::sleep(ROUND_PAUSE);
            }
        }
        tracing::warn!(leader = self.leader, "processes of a command could not be killed");
        left
    }

    /// Who belongs to the command and lives: by cgroup, process group, session, or descent from one who does.
    fn victims<'a>(&self, processes: &'a HashMap<i32, Process>, known: &mut HashSet<i32>) -> Vec<&'a Process> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        if let Some(cgroup) = &self.cgroup {
            known.extend(cgroup.processes());
        }
        known.extend(self.orphans.adopted(self.leader, processes));
        loop {
            let before = known.len();
            for process in processes.values().filter(|process| process.pid != own) {
                if [process.parent, process.group, process.session].iter().any(|id| known.contains(id)) {
                    known.insert(process.pid);
                }
            }
            if known.len() == before {
                break;
            }
        }
        known.iter().filter_map(|pid| processes.get(pid)).filter(|process| !process.zombie).collect()
    }
}

/// Kills the tree of a leader an agent before us recorded, if it is still the same process or its group lives.
pub(crate) fn kill_recorded(leader: i32, started: u64) {
    let same = table::one(leader).is_none_or(|process| process.started == started);
    if same {
        Tree::new(leader, None, Arc::new(Orphans::none())).sweep();
    }
}
