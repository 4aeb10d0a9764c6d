//! The control group of one exec: its limits, what it used, and all of the command's processes.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::table;
use crate::protocol::{ExecUsage, Limits};

/// The period of version 1's and 2's processor limit, in microseconds: the kernel's default.
const CPU_PERIOD_US: u64 = 100_000;
/// A group cannot be removed before the kernel has let go of its last process: so often it is tried again.
const REMOVE_TRIES: u32 = 50;
const REMOVE_PAUSE: Duration = Duration::from_millis(10);

/// The group of one exec.
#[derive(Debug)]
pub(crate) struct ExecCgroup {
    pub(super) v2: Option<PathBuf>,
    pub(super) memory: Option<PathBuf>,
    pub(super) cpu: Option<PathBuf>,
    pub(super) cpuacct: Option<PathBuf>,
    pub(super) pids: Option<PathBuf>,
}

impl ExecCgroup {
    /// Moves a process just started into the group, and what it started since.
    pub(crate) fn adopt(&self, leader: i32) -> io::Result<()> {
        let mut moved = Vec::new();
        let mut next = vec![leader];
        while let Some(pid) = next.pop() {
            for path in self.paths() {
                match fs::write(path.join("cgroup.procs"), pid.to_string()) {
                    // It ended already.
                    Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {}
                    other => other?,
                }
            }
            moved.push(pid);
            next.extend(table::children(pid).into_iter().filter(|child| !moved.contains(child)));
        }
        Ok(())
    }

    /// All processes in it.
    pub(crate) fn processes(&self) -> Vec<i32> {
        self.v2.as_ref().or(self.memory.as_ref()).or(self.pids.as_ref()).map(|path| pids(path)).unwrap_or_default()
    }

    /// What its processes used.
    pub(crate) fn usage(&self, usage: &mut ExecUsage) {
        let number = |base: &Option<PathBuf>, file: &str| -> Option<u64> {
            fs::read_to_string(base.as_ref()?.join(file)).ok()?.trim().parse().ok()
        };
        let keyed = |base: &Option<PathBuf>, file: &str, key: &str| -> Option<u64> {
            let text = fs::read_to_string(base.as_ref()?.join(file)).ok()?;
            text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
        };
        usage.cpu_us = number(&self.cpuacct, "cpuacct.usage")
            .map(|nanoseconds| nanoseconds / 1000)
            .or_else(|| keyed(&self.v2, "cpu.stat", "usage_usec "));
        usage.memory_peak_bytes =
            number(&self.memory, "memory.max_usage_in_bytes").or_else(|| number(&self.v2, "memory.peak"));
        usage.oom_kills = keyed(&self.memory, "memory.oom_control", "oom_kill ")
            .or_else(|| keyed(&self.v2, "memory.events", "oom_kill "));
    }

    /// Removes it; its processes are dead. It blocks for up to half a second.
    pub(crate) fn remove(&self) {
        for path in self.paths() {
            remove(path);
        }
    }

    pub(super) fn limit(&self, limits: &Limits, v2_limits: bool) -> io::Result<()> {
        let set = |base: &Option<PathBuf>, file: &str, value: String| match base {
            Some(base) => fs::write(base.join(file), value),
            None => Ok(()),
        };
        let v2 = if v2_limits { &self.v2 } else { &None };
        if let Some(bytes) = limits.memory_bytes {
            set(&self.memory, "memory.limit_in_bytes", bytes.to_string())?;
            // Without swap accounting this file does not exist, and there is nothing to limit.
            let _ = set(&self.memory, "memory.memsw.limit_in_bytes", bytes.to_string());
            set(v2, "memory.max", bytes.to_string())?;
            let _ = set(v2, "memory.swap.max", "0".to_owned());
        }
        if let Some(millis) = limits.cpu_millis {
            let quota = (millis * CPU_PERIOD_US / 1000).max(1000);
            set(&self.cpu, "cpu.cfs_period_us", CPU_PERIOD_US.to_string())?;
            set(&self.cpu, "cpu.cfs_quota_us", quota.to_string())?;
            set(v2, "cpu.max", format!("{quota} {CPU_PERIOD_US}"))?;
        }
        if let Some(pids) = limits.pids {
            set(&self.pids, "pids.max", pids.to_string())?;
            set(v2, "pids.max", pids.to_string())?;
        }
        Ok(())
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let all = [&self.v2, &self.memory, &self.cpu, &self.cpuacct, &self.pids];
        // Version 1 controllers may share one hierarchy.
        let mut seen: Vec<&PathBuf> = Vec::new();
        for path in all.into_iter().flatten() {
            if !seen.contains(&path) {
                seen.push(path);
            }
        }
        seen.into_iter()
    }
}

pub(super) fn pids(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

pub(super) fn remove(group: &Path) {
    for _ in 0..REMOVE_TRIES {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(REMOVE_PAUSE),
            Ok(()) | Err(_) => return,
        }
    }
    tracing::warn!(group = %group.display(), "a control group could not be removed");
}
