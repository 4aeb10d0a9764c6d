//! One simulated exec: what its tests do, when, and what is seen of it.

use std::time::Duration;

use engine::{AttemptEnd, AttemptId, CommandEnd, ExecFailure, Report, Status, Time};

use crate::plan::{Nature, TestPlan};

/// What will happen in an exec if nobody interferes.
#[derive(Clone, Debug)]
pub(crate) struct Exec {
    /// Whose.
    pub(crate) attempt: AttemptId,
    /// When it was started.
    pub(crate) began: Time,
    /// Up to its first test.
    pub(crate) overhead: Duration,
    /// What its tests do, in order.
    pub(crate) moments: Vec<Moment>,
    /// When it ends by itself, and how.
    pub(crate) end: (Time, Ending),
    /// A parser reads its output.
    pub(crate) parsed: bool,
}

/// One test in an exec.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Its name.
    pub(crate) name: String,
    /// When it begins.
    pub(crate) begins: Time,
    /// When it ends and what it says; none if it does not.
    pub(crate) ends: Option<(Time, Report)>,
    /// Its runner says nothing of it.
    pub(crate) silent: bool,
}

/// How an exec ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its command ends.
    Command(CommandEnd),
    /// It takes its machine down.
    MachineDies,
}

/// Plays the tests one after the other.
pub(crate) fn play(
    exec: &mut Exec,
    tests: &[&TestPlan],
    mut runs: impl FnMut(&str) -> u32,
    slow: u32,
    limit: Duration,
) {
    let last = exec.began.plus(limit);
    let mut at = exec.began.plus(exec.overhead);
    let mut bad = false;
    for plan in tests {
        let takes = plan.takes * slow;
        let run = runs(&plan.test.name);
        let status = match plan.nature {
            Nature::Fails => Status::Failed,
            Nature::Flaky(fails) if run <= fails => Status::Failed,
            Nature::Skips => Status::Skipped,
            Nature::Passes
            | Nature::Flaky(_)
            | Nature::Kills(_)
            | Nature::Silent
            | Nature::Crashes
            | Nature::Hangs
            | Nature::SpoilsExit
            | Nature::Adds => Status::Passed,
        };
        bad |= status == Status::Failed || plan.nature == Nature::SpoilsExit;
        let half = at.plus(takes / 2);
        let stops = match plan.nature {
            Nature::Hangs => Some((last, Ending::Command(CommandEnd::TimedOut))),
            Nature::Kills(times) if run <= times => Some((half, Ending::MachineDies)),
            Nature::Crashes => Some((half, Ending::Command(CommandEnd::Signaled("aborted".into())))),
            Nature::Passes
            | Nature::Fails
            | Nature::Flaky(_)
            | Nature::Skips
            | Nature::Kills(_)
            | Nature::Silent
            | Nature::SpoilsExit
            | Nature::Adds => None,
        };
        let silent = plan.nature == Nature::Silent;
        let ends = (stops.is_none() && !silent).then(|| (at.plus(takes), report(&plan.test.name, status, takes)));
        exec.moments.push(Moment { name: plan.test.name.clone(), begins: at, ends, silent });
        if let Some(stop) = stops {
            exec.end = stop;
            break;
        }
        at = at.plus(takes);
        if plan.nature == Nature::Adds {
            let name = format!("{}[more]", plan.test.name);
            let ends = Some((at, report(&name, Status::Passed, Duration::ZERO)));
            exec.moments.push(Moment { name, begins: at, ends, silent: false });
        }
        exec.end = (at, Ending::Command(CommandEnd::Exited(i32::from(bad))));
    }
    if exec.end.0 > last {
        exec.end = (last, Ending::Command(CommandEnd::TimedOut));
    }
}

/// A report as a runner makes it.
pub(crate) fn report(name: &str, status: Status, took: Duration) -> Report {
    let message = match status {
        Status::Passed => "",
        Status::Failed => "assertion failed",
        Status::Skipped => "not supported",
    };
    Report {
        name: name.to_owned(),
        suite: "suite".into(),
        case: name.to_owned(),
        status,
        duration: Some(took),
        message: message.into(),
    }
}

impl Exec {
    /// What was seen of it when it ended at this moment in this way.
    pub(crate) fn seen(&self, at: Time, end: Result<CommandEnd, ExecFailure>) -> AttemptEnd {
        let mut seen = AttemptEnd {
            end,
            reports: Vec::new(),
            open: None,
            parsed: self.parsed,
            took: at.since(self.began),
            overhead: None,
            notes: Vec::new(),
        };
        if !self.parsed {
            return seen;
        }
        for moment in self.moments.iter().filter(|moment| !moment.silent && moment.begins <= at) {
            seen.overhead = Some(self.overhead);
            match &moment.ends {
                Some((ended, report)) if *ended <= at => seen.reports.push(report.clone()),
                Some(_) | None => seen.open = Some(moment.name.clone()),
            }
        }
        seen
    }
}
