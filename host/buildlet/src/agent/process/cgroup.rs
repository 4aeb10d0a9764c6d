//! Control groups of execs: limits, usage, and all of a command's processes in one list. Versions 1 and 2.
//!
//! A new process is moved in right after it was started, and then whatever it started meanwhile.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    exec_cgroup::{ExecCgroup, pids, remove},
    mounts, table,
};
use crate::protocol::Limits;

/// What this machine offers.
#[derive(Debug)]
pub(crate) struct Cgroups {
    v2: Option<PathBuf>,
    v2_limits: bool,
    memory: Option<PathBuf>,
    cpu: Option<PathBuf>,
    cpuacct: Option<PathBuf>,
    pids: Option<PathBuf>,
    /// The group this process is in, in one of the hierarchies.
    own: Option<PathBuf>,
    missing: Option<String>,
}

impl Cgroups {
    /// Makes one group of this name in each hierarchy that lets us.
    pub(crate) fn detect(name: &str) -> Self {
        let hierarchies = mounts::hierarchies();
        let mut found = Cgroups {
            v2: None,
            v2_limits: false,
            memory: None,
            cpu: None,
            cpuacct: None,
            pids: None,
            own: None,
            missing: None,
        };
        let mut errors = Vec::new();
        for hierarchy in &hierarchies {
            let wanted = |controller: &str| hierarchy.controllers.iter().any(|known| known == controller);
            let is_v2 = hierarchy.controllers.is_empty();
            if !is_v2 && !["memory", "cpu", "cpuacct", "pids"].into_iter().any(wanted) {
                continue;
            }
            let place = match make(hierarchy, name) {
                Ok(place) => place,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            if found.own.is_none() {
                found.own.clone_from(&hierarchy.own);
            }
            if is_v2 {
                found.v2_limits = enable_v2(&place).is_ok();
                found.v2 = Some(place);
                continue;
            }
            for (controller, slot) in [
                ("memory", &mut found.memory),
                ("cpu", &mut found.cpu),
                ("cpuacct", &mut found.cpuacct),
                ("pids", &mut found.pids),
            ] {
                if wanted(controller) {
                    *slot = Some(place.clone());
                }
            }
        }
        if found.kind() == "none" {
            found.missing = Some(match (hierarchies.is_empty(), errors.is_empty()) {
                (true, _) => "no cgroup hierarchy is mounted".to_owned(),
                (false, true) => "the controllers memory, cpu and pids are not available here".to_owned(),
                (false, false) => errors.join("; "),
            });
        }
        found
    }

    /// The name of the groups of the agent with this state directory, the same after each start.
    pub(crate) fn name_for(state_dir: &Path) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, state_dir.as_os_str().as_encoded_bytes());
        format!("muster-{}", hex::encode(&digest.as_ref()[..8]))
    }

    /// Nothing: cgroups are not wanted.
    pub(crate) fn off() -> Self {
        Cgroups {
            v2: None,
            v2_limits: false,
            memory: None,
            cpu: None,
            cpuacct: None,
            pids: None,
            own: None,
            missing: Some("switched off".to_owned()),
        }
    }

    /// What enforces limits, as `/status` says it.
    pub(crate) fn kind(&self) -> &'static str {
        if self.v2_limits {
            "cgroup-v2"
        } else if self.memory.is_some() || self.cpu.is_some() || self.pids.is_some() {
            "cgroup-v1"
        } else {
            "none"
        }
    }

    pub(crate) fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// Whether all processes of a command can be listed.
    pub(crate) fn tracks(&self) -> bool {
        self.v2.is_some() || self.memory.is_some() || self.pids.is_some()
    }

    /// Has the kernel wait now for what it else would wait for when a new process is moved: the first move after a
    /// pause takes milliseconds, in which that process could start others that escape. Moving this process to where it
    /// is does nothing else.
    pub(crate) fn get_ready(&self) {
        if let Some(own) = &self.own {
            // Where that is not allowed, the first move is slow: nothing worse.
            let _ = fs::write(own.join("cgroup.procs"), std::process::id().to_string());
        }
    }

    /// Makes the group of one exec. `None` where there is nothing to make one in.
    pub(crate) fn create(&self, name: &str, limits: &Limits) -> io::Result<Option<ExecCgroup>> {
        if !self.tracks() {
            return Ok(None);
        }
        let mut group = ExecCgroup { v2: None, memory: None, cpu: None, cpuacct: None, pids: None };
        let below = |base: &Option<PathBuf>, wanted: bool| -> io::Result<Option<PathBuf>> {
            let Some(base) = base.as_ref().filter(|_| wanted) else { return Ok(None) };
            let path = base.join(name);
            fs::create_dir_all(&path)?;
            Ok(Some(path))
        };
        group.v2 = below(&self.v2, true)?;
        group.memory = below(&self.memory, true)?;
        group.cpuacct = below(&self.cpuacct, true)?;
        group.cpu = below(&self.cpu, limits.cpu_millis.is_some())?;
        group.pids = below(&self.pids, limits.pids.is_some() || (self.v2.is_none() && self.memory.is_none()))?;
        group.limit(limits, self.v2_limits)?;
        Ok(Some(group))
    }

    /// Kills what an agent before us left in its groups of the same name, and removes them.
    pub(crate) fn clear(&self) {
        for base in self.bases() {
            let Ok(entries) = fs::read_dir(base) else { continue };
            for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
                for pid in pids(&entry.path()) {
                    table::kill(pid);
                }
                remove(&entry.path());
            }
        }
    }

    /// Removes the groups, which must be empty.
    pub(crate) fn remove(&self) {
        for base in self.bases() {
            remove(base);
        }
    }

    fn bases(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.v2, &self.memory, &self.cpu, &self.cpuacct, &self.pids].into_iter().flatten()
    }
}

fn make(hierarchy: &mounts::Hierarchy, name: &str) -> Result<PathBuf, String> {
    let mut last = String::new();
    for place in &hierarchy.places {
        let path = place.join(name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(path),
            Err(error) => last = format!("making `{}`: {error}", path.display()),
        }
    }
    Err(last)
}

/// Version 2 has limits only below groups that hand the controllers on.
fn enable_v2(group: &Path) -> io::Result<()> {
    let controllers = "+memory +cpu +pids";
    if let Some(parent) = group.parent() {
        // The parent may hand them on already, or may not let us say so: the group itself decides.
        let _ = fs::write(parent.join("cgroup.subtree_control"), controllers);
    }
    fs::write(group.join("cgroup.subtree_control"), controllers)
}
