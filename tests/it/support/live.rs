//! A build that is watched while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::{Outcome, User};

/// A running `muster build --json`.
pub(crate) struct Live {
    child: Child,
    stdout: BufReader<ChildStdout>,
    seen: Vec<u8>,
}

impl Live {
    pub(crate) fn start(mut command: Command) -> Live {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Live { child, stdout, seen: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads events up to the first that `wanted` accepts; the build must have one.
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        self.look_for(wanted).unwrap_or_else(|| {
            let mut stderr = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("the build ended before {what}\n{}\n{stderr}", String::from_utf8_lossy(&self.seen));
        })
    }

    /// Reads events up to the first that `wanted` accepts, or to the end of the build.
    pub(crate) fn look_for(&mut self, mut wanted: impl FnMut(&Value) -> bool) -> Option<Value> {
        loop {
            let mut line = Vec::new();
            if self.stdout.read_until(b'\n', &mut line).unwrap() == 0 {
                return None;
            }
            self.seen.extend_from_slice(&line);
            let event: Value = serde_json::from_slice(&line).unwrap();
            if wanted(&event) {
                return Some(event);
            }
        }
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self, user: &User) -> Outcome {
        let mut stderr = self.child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            text
        });
        self.stdout.read_to_end(&mut self.seen).unwrap();
        let status = self.child.wait().unwrap();
        user.outcome(status.code(), &self.seen, &errors.join().unwrap())
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
