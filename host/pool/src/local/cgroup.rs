//! The control groups of a pool and its machines: limits, and a list of all processes of a machine whatever they did.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::MachineLimits;
use super::folders::PREFIX;
use super::hierarchy::{Hierarchy, Kind, hierarchies};

/// The kernel's default period of the processor limit, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// Between two looks at a group whose processes were killed.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The groups of a pool, one in each hierarchy that lets us.
#[derive(Debug)]
pub(super) struct PoolGroups {
    groups: Vec<Group>,
    refused: Vec<String>,
}

/// The groups of one machine.
#[derive(Debug)]
pub(super) struct MachineGroups {
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    path: PathBuf,
    memory: Option<&'static str>,
    cpu: Option<Cpu>,
}

#[derive(Clone, Copy, Debug)]
enum Cpu {
    V1,
    V2,
}

impl PoolGroups {
    /// Makes groups of this name.
    pub(super) fn make(name: &str) -> PoolGroups {
        let mut made = PoolGroups { groups: Vec::new(), refused: Vec::new() };
        let found = hierarchies();
        if found.is_empty() {
            made.refused.push("no control group hierarchy is mounted".to_owned());
        }
        for hierarchy in found {
            hierarchy.places.iter().for_each(|place| remove_dead(place));
            match make_in(&hierarchy, name) {
                Ok(group) => made.groups.push(group),
                Err(cause) => made.refused.push(cause),
            }
        }
        made
    }

    /// What these limits would need and is not there, in words.
    pub(super) fn missing(&self, limits: &MachineLimits) -> Vec<String> {
        let why = || match self.refused.as_slice() {
            [] => "the controller is not available here".to_owned(),
            refused => refused.join("; "),
        };
        let mut missing = Vec::new();
        if limits.memory_bytes.is_some() && self.groups.iter().all(|group| group.memory.is_none()) {
            missing.push(format!("memory is not limited: {}", why()));
        }
        if limits.cpu_millis.is_some() && self.groups.iter().all(|group| group.cpu.is_none()) {
            missing.push(format!("processor time is not limited: {}", why()));
        }
        if self.groups.is_empty() {
            missing.push(format!("what a killed buildlet leaves running is not found: {}", why()));
        }
        missing
    }

    /// Makes the groups of one machine and sets its limits.
    pub(super) fn machine(&self, name: &str, limits: &MachineLimits) -> io::Result<MachineGroups> {
        let mut made = MachineGroups { groups: Vec::new() };
        for pool in &self.groups {
            let group = Group { path: pool.path.join(name), memory: pool.memory, cpu: pool.cpu };
            fs::create_dir_all(&group.path)?;
            let limited = group.limit(limits);
            made.groups.push(group);
            limited?;
        }
        Ok(made)
    }

    /// Removes the groups, which must be empty.
    pub(super) fn remove(&self) {
        for group in &self.groups {
            remove_tree(&group.path);
        }
    }
}

impl MachineGroups {
    /// Puts a process, and all that it will start, into the groups.
    pub(super) fn adopt(&self, pid: u32) -> io::Result<()> {
        self.groups.iter().try_for_each(|group| fs::write(group.path.join("cgroup.procs"), pid.to_string()))
    }

    /// Whether there is any group, so that all processes of the machine can be found.
    pub(super) fn track(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Kills every process until none is left, then removes the groups. Whether that worked before the deadline.
    pub(super) async fn kill_all(&self, deadline: Instant) -> bool {
        loop {
            let left: Vec<i32> = self.groups.iter().flat_map(|group| processes(&group.path)).collect();
            if left.is_empty() {
                break;
            }
            for pid in left.into_iter().filter_map(Pid::from_raw) {
                // It may have ended meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        // The kernel lets go of the last process a moment after it is gone from the list.
        while self.groups.iter().any(|group| !remove_tree(&group.path)) {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        true
    }
}

impl Drop for MachineGroups {
    /// What was not killed in time: once more, without waiting.
    fn drop(&mut self) {
        for group in &self.groups {
            for pid in processes(&group.path).into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
            remove_tree(&group.path);
        }
    }
}

impl Group {
    fn limit(&self, limits: &MachineLimits) -> io::Result<()> {
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

/// Kills what an earlier pool left in its groups of this name, and removes them.
pub(super) fn sweep(name: &str) {
    for hierarchy in hierarchies() {
        for path in hierarchy.places.iter().map(|place| place.join(name)).filter(|path| path.is_dir()) {
            for pid in processes(&path).into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
            remove_tree(&path);
        }
    }
}

/// Removes the groups of pools whose process is gone, wherever their folders were. Only empty ones: a process that
/// cannot be seen from here may have some in use.
fn remove_dead(place: &Path) {
    for path in below(place) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) && processes(&path).is_empty() {
            remove_tree(&path);
        }
    }
}

fn make_in(hierarchy: &Hierarchy, name: &str) -> Result<Group, String> {
    let mut last = String::new();
    let mut without_limits = None;
    for place in &hierarchy.places {
        let path = place.join(name);
        if let Err(error) = fs::create_dir(&path) {
            last = format!("making `{}`: {error}", path.display());
            continue;
        }
        match hierarchy.kind {
            Kind::V1 { memory, cpu } => {
                if memory {
                    // Groups that agents make inside count, too; newer kernels do nothing else.
                    let _ = fs::write(path.join("memory.use_hierarchy"), "1");
                }
                return Ok(Group {
                    path,
                    memory: memory.then_some("memory.limit_in_bytes"),
                    cpu: cpu.then_some(Cpu::V1),
                });
            }
            Kind::V2 => {
                // The place may hand the controllers on already, or may not let us say so: what counts is the result.
                let _ = fs::write(place.join("cgroup.subtree_control"), "+memory +cpu");
                let handed_on = fs::write(path.join("cgroup.subtree_control"), "+memory +cpu").is_ok();
                if handed_on {
                    return Ok(Group { path, memory: Some("memory.max"), cpu: Some(Cpu::V2) });
                }
                match without_limits {
                    None => without_limits = Some(Group { path, memory: None, cpu: None }),
                    Some(_) => drop(fs::remove_dir(path)),
                }
            }
        }
    }
    without_limits.ok_or(last)
}

/// All processes in a group and in those below.
fn processes(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for below in below(group) {
        pids.extend(processes(&below));
    }
    pids
}

/// Removes a group and those below. Whether it is gone.
fn remove_tree(group: &Path) -> bool {
    for below in below(group) {
        remove_tree(&below);
    }
    match fs::remove_dir(group) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn below(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_dead_pools_go_and_those_of_living_ones_stay() -> io::Result<()> {
        let living = PoolGroups::make(&format!("{PREFIX}{}-living", std::process::id()));
        if living.groups.is_empty() {
            #[expect(clippy::print_stdout, reason = "a skipped test says why")]
            let () = println!("skipped: {}", living.refused.join("; "));
            return Ok(());
        }
        // No process has a number above the kernel's greatest.
        let dead = PoolGroups::make(&format!("{PREFIX}4194305-dead"));
        drop(dead.machine("local-1", &MachineLimits::default())?);
        fs::create_dir(dead.groups[0].path.join("local-2"))?;
        let next = PoolGroups::make(&format!("{PREFIX}{}-next", std::process::id()));
        assert!(dead.groups.iter().all(|group| !group.path.exists()));
        assert!(living.groups.iter().all(|group| group.path.exists()));
        living.remove();
        next.remove();
        assert!(living.groups.iter().chain(&next.groups).all(|group| !group.path.exists()));
        Ok(())
    }
}
