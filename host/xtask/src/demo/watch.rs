//! Follows a build by its event stream and says when which helper is to be disturbed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Execs that must have ended before the first helper is killed: the build is in the middle of its tests then.
const KILL_AFTER_ATTEMPTS: u64 = 1;
/// Execs that must have ended before another one is stopped, the killed one's among them.
const STOP_AFTER_ATTEMPTS: u64 = 3;
/// How often the tests done are said, in percent.
const SAY_EVERY_PERCENT: u64 = 10;

/// What to do to a helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disturbance {
    /// `KILL` or `STOP`.
    pub(crate) signal: &'static str,
    /// The helper's name.
    pub(crate) name: String,
    /// Its process.
    pub(crate) pid: u32,
}

/// What became of a build.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Result {
    /// The verdict of each test.
    pub(crate) verdicts: BTreeMap<String, String>,
    /// Each loss of a machine: its name and the cause. A machine that replaces another may have its name.
    pub(crate) lost_buildlets: Vec<(String, String)>,
    /// The outcome in one word; `None` when the stream ended before the build.
    pub(crate) outcome: Option<String>,
}

/// A build as it is followed.
#[derive(Default)]
pub(crate) struct Watch {
    result: Result,
    listed: u64,
    said_percent: u64,
    attempts_ended: u64,
    helpers: BTreeMap<String, Helper>,
    present: BTreeSet<String>,
    disturbed: BTreeMap<u32, String>,
    planned: Vec<(u64, &'static str)>,
}

struct Helper {
    pid: u32,
    is_running: bool,
}

impl Watch {
    /// Follows a build without touching it.
    pub(crate) fn undisturbed() -> Self {
        Self::default()
    }

    /// Follows a build and asks for one helper to be killed and another to be stopped.
    pub(crate) fn disturbing() -> Self {
        Self { planned: vec![(STOP_AFTER_ATTEMPTS, "STOP"), (KILL_AFTER_ATTEMPTS, "KILL")], ..Self::default() }
    }

    /// Takes one event; tells what to say to the person who watches, and whom to disturb now.
    pub(crate) fn event(&mut self, event: &Value) -> (Option<String>, Option<Disturbance>) {
        let said = match text(event, "event").as_str() {
            "phase" if text(event, "state") == "started" => Some(format!("{} ...", text(event, "name"))),
            "listed" => {
                self.listed = event["tests"].as_u64().unwrap_or_default();
                Some(format!("{} tests", self.listed))
            }
            "buildlet" => self.buildlet(event),
            "test" => {
                self.result.verdicts.insert(text(event, "name"), text(event, "verdict"));
                self.progress()
            }
            "attempt-ended" => {
                self.attempts_ended += 1;
                None
            }
            "note" => Some(text(event, "text")),
            "done" => {
                self.result.outcome = Some(text(event, "outcome"));
                Some(format!("{}: {}", text(event, "outcome"), statement(event)))
            }
            _ => None,
        };
        (said, self.disturbance())
    }

    /// What became of it, once the stream ended.
    pub(crate) fn result(self) -> Result {
        self.result
    }

    /// Disturbances that never happened because there was no helper to disturb.
    pub(crate) fn left_to_do(&self) -> usize {
        self.planned.len()
    }

    fn buildlet(&mut self, event: &Value) -> Option<String> {
        let name = text(event, "name");
        let state = text(event, "state");
        let pid = event["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        if let (Some(pid), "helper") = (pid, text(event, "role").as_str()) {
            self.helpers.insert(name.clone(), Helper { pid, is_running: state == "running" });
        }
        if state != "lost" {
            self.present.insert(name);
            return None;
        }
        self.helpers.remove(&name);
        // Told once, however often its state is.
        if !self.present.remove(&name) {
            return None;
        }
        let cause = text(event, "cause");
        let said = format!("{name} is lost: {cause}");
        self.result.lost_buildlets.push((name, cause));
        Some(said)
    }

    fn percent(&self) -> u64 {
        let done = u64::try_from(self.result.verdicts.len()).unwrap_or(u64::MAX);
        done.saturating_mul(100).checked_div(self.listed).unwrap_or_default()
    }

    fn progress(&mut self) -> Option<String> {
        let percent = self.percent();
        if percent < self.said_percent + SAY_EVERY_PERCENT {
            return None;
        }
        self.said_percent = percent;
        Some(format!("{percent} % of {} tests", self.listed))
    }

    fn disturbance(&mut self) -> Option<Disturbance> {
        let (after_attempts, signal) = *self.planned.last()?;
        if self.attempts_ended < after_attempts {
            return None;
        }
        // Its state says that it runs until its loss is noticed: each process is disturbed once.
        let may_be = |helper: &Helper| helper.is_running && !self.disturbed.contains_key(&helper.pid);
        let running = self.helpers.iter().filter(|(_, helper)| may_be(helper));
        // One that has not been disturbed yet, rather than its replacement of the same name.
        let was_disturbed = |name: &String| self.disturbed.values().any(|disturbed| disturbed == name);
        let (name, helper) = running.min_by_key(|(name, _)| was_disturbed(name))?;
        let (name, pid) = (name.clone(), helper.pid);
        self.disturbed.insert(pid, name.clone());
        self.planned.pop();
        Some(Disturbance { signal, name, pid })
    }
}

fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}

fn statement(event: &Value) -> String {
    event["certificate"]["statement"].as_str().unwrap_or("no certificate").to_owned()
}

#[cfg(test)]
mod tests;
