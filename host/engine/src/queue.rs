//! Which builds wait, run, or are over and still give machines back. An event costs what the running builds cost,
//! however many wait.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::build::Build;
use crate::{BuildFacts, BuildId, HostType, LeaseId, Phase};

/// Why a build does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Its turn: so many builds run already, and no more may.
    Turn {
        /// Builds that run.
        running: usize,
    },
    /// A main buildlet of this class.
    Machine(HostType),
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitsFor::Turn { running: 1 } => f.write_str("1 build runs already"),
            WaitsFor::Turn { running } => write!(f, "{running} builds run already"),
            WaitsFor::Machine(host_type) => write!(f, "no `{host_type}` buildlet is free yet"),
        }
    }
}

/// Higher priority first, then the older.
type Turn = (Reverse<i32>, BuildId);

fn turn(facts: &BuildFacts) -> Turn {
    (Reverse(facts.priority), facts.spec.build)
}

/// All builds that are not forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Builds {
    all: BTreeMap<BuildId, Build>,
    waiting: BTreeSet<Turn>,
    active: BTreeSet<BuildId>,
    /// Over; effects may be under way that concern their machines.
    over: BTreeSet<BuildId>,
}

impl Builds {
    pub(crate) fn insert(&mut self, build: Build) {
        let id = build.facts.spec.build;
        if build.is_active() {
            self.active.insert(id);
        } else {
            self.waiting.insert(turn(&build.facts));
        }
        self.all.insert(id, build);
    }

    pub(crate) fn get(&self, id: BuildId) -> Option<&Build> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: BuildId) -> Option<&mut Build> {
        self.all.get_mut(&id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Build> {
        self.all.values()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Builds that run, the oldest first.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Build> {
        self.active.iter().filter_map(|id| self.all.get(id))
    }

    pub(crate) fn active_ids(&self) -> Vec<BuildId> {
        self.active.iter().copied().collect()
    }

    pub(crate) fn active_count(&self) -> usize {
        self.active.len()
    }

    /// The build that has this claim.
    pub(crate) fn holder(&mut self, lease: LeaseId) -> Option<&mut Build> {
        let id = self.active().find(|build| build.holds(lease))?.facts.spec.build;
        self.all.get_mut(&id)
    }

    /// The build whose attempt this is.
    pub(crate) fn running(&mut self, attempt: crate::AttemptId) -> Option<&mut Build> {
        let id = self.active().find(|build| build.runs(attempt))?.facts.spec.build;
        self.all.get_mut(&id)
    }

    /// Builds that wait, the next one first.
    pub(crate) fn queue(&self) -> impl Iterator<Item = BuildId> {
        self.waiting.iter().map(|(_, id)| *id)
    }

    /// How many have their turn before it; none if it does not wait.
    pub(crate) fn position(&self, id: BuildId) -> Option<usize> {
        let turn = turn(&self.all.get(&id)?.facts);
        self.waiting.contains(&turn).then(|| self.waiting.range(..turn).count())
    }

    /// Why a build does not go on, if it is for lack of its turn or of a machine.
    pub(crate) fn waits_for(&self, id: BuildId) -> Option<WaitsFor> {
        let facts = &self.all.get(&id)?.facts;
        if self.waiting.contains(&turn(facts)) {
            return Some(WaitsFor::Turn { running: self.active.len() });
        }
        let for_main = facts.phase() == Phase::Acquire && facts.ended.is_none();
        for_main.then(|| WaitsFor::Machine(facts.spec.make_host_type.clone()))
    }

    /// Takes the next one out of the queue.
    pub(crate) fn next(&mut self) -> Option<&mut Build> {
        let (_, id) = self.waiting.pop_first()?;
        self.active.insert(id);
        self.all.get_mut(&id)
    }

    /// Changes what a build's turn depends on.
    pub(crate) fn change(&mut self, id: BuildId, change: impl FnOnce(&mut Build)) {
        let Some(build) = self.all.get_mut(&id) else { return };
        let waited = self.waiting.remove(&turn(&build.facts));
        change(build);
        if waited {
            self.waiting.insert(turn(&build.facts));
        }
    }

    /// Notes that a build is over, if it is.
    pub(crate) fn settle(&mut self, id: BuildId) {
        let Some(build) = self.all.get(&id).filter(|build| build.facts.ended.is_some()) else { return };
        self.waiting.remove(&turn(&build.facts));
        self.active.remove(&id);
        self.over.insert(id);
    }

    /// Forgets builds that are over, unless something of theirs is under way.
    pub(crate) fn forget(&mut self, busy: impl Fn(BuildId) -> bool) {
        let all = &mut self.all;
        self.over.retain(|id| {
            let keep = busy(*id);
            if !keep {
                all.remove(id);
            }
            keep
        });
    }

    /// Asserts that every build is where it belongs.
    pub(crate) fn check_invariants(&self) {
        for (id, build) in &self.all {
            let places = (self.waiting.contains(&turn(&build.facts)), self.active.contains(id), self.over.contains(id));
            let over = build.facts.ended.is_some();
            assert_eq!(places, (!over && !build.is_active(), build.is_active(), over), "{id} is in the wrong place");
        }
        assert_eq!(self.all.len(), self.waiting.len() + self.active.len() + self.over.len(), "a build is listed twice");
    }
}
