//! One control group: its limits, its processes, its removal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::MachineLimits;

/// The kernel's default period of the processor limit, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// A group, and by which files it is limited.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) path: PathBuf,
    pub(super) memory: Option<&'static str>,
    pub(super) cpu: Option<Cpu>,
}

/// How processor time is limited.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cpu {
    V1,
    V2,
}

impl Group {
    pub(super) fn limit(&self, limits: &MachineLimits) -> io::Result<()> {
        if let (Some(file), Some(bytes)) = (self.memory, limits.memory_bytes) {
            fs::write(self.path.join(file), bytes.to_string())?;
        }
        if let (Some(cpu), Some(millis)) = (self.cpu, limits.cpu_millis) {
            let quota = (millis * CPU_PERIOD_US / 1000).max(1000);
            match cpu {
                Cpu::V1 => {
                    fs::write(self.path.join("cpu.cfs_period_us"), CPU_PERIOD_US.to_string())?;
                    fs::write(self.path.join("cpu.cfs_quota_us"), quota.to_string())?;
                }
                Cpu::V2 => fs::write(self.path.join("cpu.max"), format!("{quota} {CPU_PERIOD_US}"))?,
            }
        }
        Ok(())
    }
}

/// All processes in a group and in those below.
pub(super) fn processes(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for below in below(group) {
        pids.extend(processes(&below));
    }
    pids
}

/// Removes a group and those below. Whether it is gone.
pub(super) fn remove_tree(group: &Path) -> bool {
    for below in below(group) {
        remove_tree(&below);
    }
    match fs::remove_dir(group) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

pub(super) fn below(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}
