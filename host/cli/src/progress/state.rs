//! What is known of a running build: updates, folded.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Role, VerdictKind};

use super::eta::Eta;
use crate::view::{BuildUpdate, BuildletState, PhaseEdge};

/// A running build, as far as it told.
#[derive(Clone, Debug, Default)]
pub struct BuildState {
    /// The phase that began last and is not over.
    pub phase: String,
    /// Tests in all, once they are listed.
    pub listed: Option<u64>,
    /// Tests with a verdict.
    pub done: u64,
    /// Of these, tests that failed or were lost.
    pub failed: u64,
    /// Buildlets that were lost.
    pub lost: u64,
    /// Buildlets, by name.
    pub buildlets: BTreeMap<String, BuildletLine>,
    eta: Eta,
}

/// One buildlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildletLine {
    /// What it is to the build.
    pub role: Role,
    /// Its state.
    pub state: BuildletState,
    /// When that state began.
    pub since: Duration,
    /// Tests of the running group that were reported and have no verdict yet.
    pub reported: u64,
    /// What they took together.
    pub reported_time: Duration,
    /// The last of them.
    pub last_reported: Option<String>,
}

impl BuildState {
    /// Takes in one update.
    pub fn fold(&mut self, now: Duration, update: &BuildUpdate) {
        match update {
            BuildUpdate::Phase { name, edge: PhaseEdge::Started } => {
                self.phase.clone_from(name);
                self.eta.phase(name, now);
            }
            BuildUpdate::Phase { name, edge: PhaseEdge::Ended { .. } } => {
                if *name == self.phase {
                    self.phase.clear();
                }
            }
            BuildUpdate::Buildlet { name, role, state, .. } => self.buildlet(now, name, *role, state),
            BuildUpdate::Listed { tests } => self.listed = Some(*tests),
            BuildUpdate::Estimates { total, .. } => self.eta.estimated(*total),
            BuildUpdate::TestReported { name, duration, buildlet, .. } => {
                if let Some(line) = self.buildlets.get_mut(buildlet) {
                    line.reported += 1;
                    line.reported_time += duration.unwrap_or_default();
                    line.last_reported = Some(name.clone());
                }
            }
            BuildUpdate::TestDone { kind, duration, .. } => {
                self.done += 1;
                self.failed += u64::from(matches!(kind, VerdictKind::Failed | VerdictKind::Lost));
                self.eta.done(duration.unwrap_or_default());
            }
            BuildUpdate::Source { .. }
            | BuildUpdate::Snapshot { .. }
            | BuildUpdate::Tree { .. }
            | BuildUpdate::OrderedOutput(_)
            | BuildUpdate::MachineOutput { .. }
            | BuildUpdate::AttemptStarted { .. }
            | BuildUpdate::AttemptEnded { .. }
            | BuildUpdate::PluginFault { .. }
            | BuildUpdate::Note(_)
            | BuildUpdate::Done(_) => {}
        }
    }

    fn buildlet(&mut self, now: Duration, name: &str, role: Role, state: &BuildletState) {
        match state {
            BuildletState::Released => {
                self.buildlets.remove(name);
            }
            BuildletState::Lost { .. } => {
                self.lost += 1;
                self.buildlets.remove(name);
            }
            BuildletState::Starting
            | BuildletState::SettingUp
            | BuildletState::Idle
            | BuildletState::Running { .. } => {
                let already = if let BuildletState::Running { since, .. } = state { *since } else { Duration::ZERO };
                let since = now.saturating_sub(already);
                self.buildlets.insert(name.to_owned(), BuildletLine::new(role, state.clone(), since));
            }
        }
    }

    /// Tests with a verdict, and those reported of running groups, whose verdicts follow.
    pub fn done_so_far(&self) -> u64 {
        self.done + self.buildlets.values().map(|line| line.reported).sum::<u64>()
    }

    /// Buildlets that can run tests now.
    pub fn workers(&self) -> u64 {
        let serving = |line: &&BuildletLine| matches!(line.state, BuildletState::Idle | BuildletState::Running { .. });
        self.buildlets.values().filter(serving).count() as u64
    }

    /// How long the rest will take, if there is anything to tell it from.
    pub fn remaining(&self, now: Duration) -> Option<Duration> {
        let mut eta = self.eta.clone();
        eta.done(self.buildlets.values().map(|line| line.reported_time).sum());
        eta.remaining(now, self.listed?, self.done_so_far(), self.workers())
    }
}

impl BuildletLine {
    fn new(role: Role, state: BuildletState, since: Duration) -> BuildletLine {
        BuildletLine { role, state, since, reported: 0, reported_time: Duration::ZERO, last_reported: None }
    }
}
