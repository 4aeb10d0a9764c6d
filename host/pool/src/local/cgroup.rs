//! The control groups of a pool and its machines: limits, and a list of all processes of a machine whatever they did.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::MachineLimits;
use super::folders::PREFIX;
use super::group::{Cpu, Group, below, processes, remove_tree};
use super::hierarchy::{Hierarchy, Kind, hierarchies};

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
    /// They outlive this value.
    survive: bool,
}

impl PoolGroups {
    /// Makes groups of this name; those that are there already are used.
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
        let mut made = MachineGroups { groups: Vec::new(), survive: false };
        for pool in &self.groups {
            let group = Group { path: pool.path.join(name), memory: pool.memory, cpu: pool.cpu };
            fs::create_dir_all(&group.path)?;
            let limited = group.limit(limits);
            made.groups.push(group);
            limited?;
        }
        Ok(made)
    }

    /// Removes the groups of machines that are gone: those of this pool without a process.
    pub(super) fn remove_empty(&self) {
        for machine in self.groups.iter().flat_map(|group| below(&group.path)) {
            if processes(&machine).is_empty() {
                remove_tree(&machine);
            }
        }
    }

    /// Removes the groups, which must be empty.
    pub(super) fn remove(&self) {
        for group in &self.groups {
            remove_tree(&group.path);
        }
    }
}

impl MachineGroups {
    /// Those that an earlier life made.
    pub(super) fn found(paths: &[PathBuf]) -> MachineGroups {
        let found = |path: &PathBuf| Group { path: path.clone(), memory: None, cpu: None };
        MachineGroups { groups: paths.iter().map(found).collect(), survive: true }
    }

    /// The same, which then outlive this process.
    pub(super) fn surviving(mut self) -> MachineGroups {
        self.survive = true;
        self
    }

    /// Where they are.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.groups.iter().map(|group| group.path.clone()).collect()
    }

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
        if self.survive {
            return;
        }
        for group in &self.groups {
            for pid in processes(&group.path).into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
            remove_tree(&group.path);
        }
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
        if let Err(error) = fs::create_dir(&path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
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
