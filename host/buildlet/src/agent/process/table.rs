//! The process table, from `/proc`.

use std::{collections::HashMap, fs};

use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) zombie: bool,
    pub(super) name: String,
    /// Clock ticks since the machine started; with the pid it names one process for ever.
    pub(super) started: u64,
}

/// All processes now.
pub(super) fn all() -> HashMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(one)
        .map(|process| (process.pid, process))
        .collect()
}

/// One process, if it exists.
pub(super) fn one(pid: i32) -> Option<Process> {
    parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
}

/// The children of a process; empty too where the kernel does not tell.
pub(super) fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The living processes that descend from one.
pub(super) fn descendants(of: i32) -> Vec<i32> {
    let processes = all();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(processes.values().filter(|process| process.parent == parent).map(|process| process.pid));
        next += 1;
    }
    found.retain(|pid| *pid != of && processes.get(pid).is_some_and(|process| !process.zombie));
    found
}

/// Kills a process for sure; one that is gone is well.
pub(super) fn kill(pid: i32) {
    let Some(pid) = Pid::from_raw(pid).filter(|pid| *pid != Pid::INIT) else { return };
    match kill_process(pid, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => tracing::warn!(pid = pid.as_raw_nonzero().get(), %error, "a process could not be killed"),
    }
}

/// A line is `pid (name) state ppid pgrp session ...`, and the name may hold anything.
fn parse(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse().ok();
    Some(Process {
        pid: pid.parse().ok()?,
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        name: name.to_owned(),
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_anything() {
        let line = "42 (a) (b c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        let process = parse(line).expect("a line");
        assert_eq!((process.pid, process.parent, process.session, process.started), (42, 1, 42, 777));
        assert_eq!(process.name, "a) (b c");
    }

    #[test]
    fn this_process_is_in_the_table() {
        let own = i32::try_from(std::process::id()).expect("pids fit");
        assert!(all().contains_key(&own));
    }
}
