//! Names one process for ever: numbers come again, but not with the same moment of their start.

use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessMark {
    /// Its number.
    pub(super) pid: u32,
    /// Clock ticks from the start of the machine to its own.
    started: u64,
    /// Which start of the machine that was.
    boot: String,
}

impl ProcessMark {
    /// The process that has this number now.
    pub(super) fn of(pid: u32) -> Option<ProcessMark> {
        Some(ProcessMark { pid, started: started(pid)?, boot: boot() })
    }

    /// Whether it runs. One that ended and was not waited for does not.
    pub(super) fn runs(&self) -> bool {
        started(self.pid) == Some(self.started) && boot() == self.boot
    }

    /// Kills it, and never another that has its number by now.
    pub(super) fn kill(&self) {
        let Some(pid) = Pid::from_raw(self.pid.cast_signed()).filter(|pid| *pid != Pid::INIT) else { return };
        // Once it is open, it stands for one process: only then it is certain which.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if self.runs()
            && let Err(error) = pidfd_send_signal(process, Signal::KILL)
        {
            tracing::debug!(pid = self.pid, %error, "a process was not killed");
        }
    }
}

/// A line is `pid (name) state ppid ...`, a name may hold anything, and the start is the twentieth field behind it.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, fields) = stat.rsplit_once(") ")?;
    if fields.starts_with(['Z', 'X']) {
        return None;
    }
    fields.split_whitespace().nth(19)?.parse().ok()
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn sleeper() -> std::io::Result<Child> {
        Command::new("sleep").arg("1000").spawn()
    }

    #[test]
    fn only_the_process_that_was_meant_is_killed() -> std::io::Result<()> {
        let mut child = sleeper()?;
        let mark = ProcessMark::of(child.id()).expect("it runs");
        for other in [
            ProcessMark { started: mark.started + 1, ..mark.clone() },
            ProcessMark { boot: "another".to_owned(), ..mark.clone() },
        ] {
            assert!(!other.runs());
            other.kill();
            assert!(mark.runs(), "another than {other:?} was killed");
        }
        mark.kill();
        assert!(!child.wait()?.success());
        assert!(!mark.runs());
        mark.kill();
        Ok(())
    }
}
