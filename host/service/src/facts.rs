//! What is known of a build: from the coordinator while it drives it, else from its records in the store.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coordinator::{LiveBuild, now};
use engine::{BuildFacts, BuildId, Phase, Record};

use crate::Kept;
use crate::folds::Folds;
use crate::problem::Problem;
use crate::service::Service;

/// Builds of which it is kept in memory what was asked for.
const SUBMISSIONS: usize = 4_096;
/// For so long another process may complete what belongs to a build that has ended. One that was killed never does.
const COMPLETED_ELSEWHERE: Duration = Duration::from_mins(1);

/// A build as it is known now.
#[derive(Clone)]
pub(crate) struct Known {
    build: BuildId,
    facts: Source,
    pub(crate) kept: Arc<Kept>,
}

#[derive(Clone)]
enum Source {
    /// The coordinator goes on with it.
    Live(Arc<LiveBuild>),
    /// Folded from its records, up to this one; and whether its row says that it is finished.
    Stored(Arc<BuildFacts>, u64, bool),
}

/// How far a build has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has not ended.
    GoesOn,
    /// It has ended, and what belongs to it is still being completed: the end of its log.
    BeingCompleted,
    /// It has ended, and nothing is added to what belongs to it.
    Over,
}

impl Known {
    /// Its number.
    pub(crate) fn build(&self) -> BuildId {
        self.build
    }

    /// Looks at the facts, and at the number of the last record that they follow from. The look is to be short.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&BuildFacts, u64) -> T) -> T {
        match &self.facts {
            Source::Live(live) => live.look(look),
            Source::Stored(facts, seq, _) => look(facts, *seq),
        }
    }

    /// The facts for a longer look.
    pub(crate) fn facts(&self) -> Arc<BuildFacts> {
        match &self.facts {
            Source::Live(live) => Arc::new(live.look(|facts, _| facts.clone())),
            Source::Stored(facts, ..) => Arc::clone(facts),
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.look(|facts, _| facts.ended.is_some())
    }

    /// How far it has come at this moment: what is read of its log afterwards may be more.
    pub(crate) fn stage(&self) -> Stage {
        let Some(ended) = self.look(|facts, _| facts.ended.as_ref().map(|(at, ..)| *at)) else { return Stage::GoesOn };
        let is_finished = match &self.facts {
            Source::Live(live) => live.is_finished(),
            Source::Stored(_, _, finished) => *finished || now().since(ended) > COMPLETED_ELSEWHERE,
        };
        if is_finished { Stage::Over } else { Stage::BeingCompleted }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.look(|facts, _| facts.phase())
    }
}

/// What was read of the store and need not be read again.
#[derive(Default)]
pub(crate) struct Remembered {
    /// Builds that this process does not drive.
    folds: Folds,
    /// What is kept with builds.
    kept: Mutex<BTreeMap<BuildId, Arc<Kept>>>,
}

impl Remembered {
    fn get_kept(&self, build: BuildId) -> Option<Arc<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&build).cloned()
    }

    fn put_kept(&self, build: BuildId, text: Arc<Kept>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SUBMISSIONS {
            kept.pop_first();
        }
        kept.insert(build, text);
    }
}

impl Service {
    /// A build as it is known now.
    ///
    /// # Errors
    /// There is no such build, or the store does not answer.
    pub(crate) async fn known(&self, build: BuildId) -> Result<Known, Problem> {
        if let Some(live) = self.driven().and_then(|coordinator| coordinator.build(build)) {
            return Ok(Known { build, facts: Source::Live(live), kept: self.kept(build).await? });
        }
        // A build that is not shown any more may still have its records.
        let row = self.store().build(build).await?.ok_or_else(|| unknown(build))?;
        let (fold, finished) = (self.remembered().folds.of(build), row.ended.is_some());
        let (facts, seq) = fold.catch_up(self.store(), finished).await?;
        Ok(Known { build, facts: Source::Stored(facts, seq, finished), kept: self.kept(build).await? })
    }

    async fn kept(&self, build: BuildId) -> Result<Arc<Kept>, Problem> {
        if let Some(kept) = self.remembered().get_kept(build) {
            return Ok(kept);
        }
        let text = self.store().submission(build).await?.unwrap_or_default();
        let kept = Arc::new(read_kept(build, &text)?);
        self.remembered().put_kept(build, Arc::clone(&kept));
        Ok(kept)
    }

    /// The places of the builds that wait, from 1: higher priorities first, then the older.
    pub(crate) fn positions(&self) -> BTreeMap<BuildId, u64> {
        let live = self.driven().map(|coordinator| coordinator.builds()).unwrap_or_default();
        let waits = |(build, live): &(BuildId, Arc<LiveBuild>)| {
            live.look(|facts, _| (facts.phase() == Phase::Queue).then_some((Reverse(facts.spec.priority), *build)))
        };
        let mut waiting: Vec<(Reverse<i32>, BuildId)> = live.iter().filter_map(waits).collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, build)| build).zip(1..).collect()
    }
}

/// Reads a record.
pub(crate) fn record(build: BuildId, json: &str) -> Result<Record, Problem> {
    serde_json::from_str(json).map_err(|error| Problem::internal(format!("a record of build {build}: {error}")))
}

/// Reads what is kept with a build.
pub(crate) fn read_kept(build: BuildId, text: &str) -> Result<Kept, Problem> {
    Kept::read(text).map_err(|error| Problem::internal(format!("what is kept with build {build}: {error}")))
}

/// There is no such build.
pub(crate) fn unknown(build: BuildId) -> Problem {
    Problem::not_found(
        format!("there is no build {}", build.0),
        "`muster builds` lists those there are; old ones are forgotten as the server's retention says",
    )
}
