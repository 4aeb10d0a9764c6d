//! What others see of the builds that are not over: their facts as they are durable, and each record as it becomes so.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use engine::{BuildFacts, BuildId, Record};

/// A record that was made durable.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Whose.
    pub build: BuildId,
    /// Its place among the records of its build, from 1.
    pub seq: u64,
    /// What.
    pub record: Record,
}

/// A build that is not over, or has just ended.
#[derive(Debug)]
pub struct LiveBuild(RwLock<Seen>);

#[derive(Debug)]
struct Seen {
    facts: BuildFacts,
    seq: u64,
    finished: bool,
}

impl LiveBuild {
    pub(crate) fn new(facts: BuildFacts, seq: u64) -> LiveBuild {
        LiveBuild(RwLock::new(Seen { facts, seq, finished: false }))
    }

    /// Looks at the facts, and at the number of the last record that they follow from. Committing waits meanwhile, so
    /// the look is to be short.
    pub fn look<T>(&self, look: impl FnOnce(&BuildFacts, u64) -> T) -> T {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        look(&seen.facts, seen.seq)
    }

    /// Whether it has ended and all that belongs to it is complete: its log is whole.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).finished
    }

    pub(crate) fn finish(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).finished = true;
    }

    pub(crate) fn change(&self, seq: u64, change: impl FnOnce(&mut BuildFacts)) {
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut seen.facts);
        seen.seq = seq;
    }
}

/// The builds that are not over.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveBuilds(Arc<RwLock<BTreeMap<BuildId, Arc<LiveBuild>>>>);

impl LiveBuilds {
    pub(crate) fn insert(&self, build: BuildId, live: Arc<LiveBuild>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(build, live);
    }

    pub(crate) fn remove(&self, build: BuildId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&build);
    }

    pub(crate) fn get(&self, build: BuildId) -> Option<Arc<LiveBuild>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&build).cloned()
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<(BuildId, Arc<LiveBuild>)> {
        let builds = self.0.read().unwrap_or_else(PoisonError::into_inner);
        builds.iter().map(|(id, build)| (*id, Arc::clone(build))).collect()
    }
}
