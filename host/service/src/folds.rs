//! Builds folded from their records and kept so, that a later look costs what was recorded since.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{BuildFacts, BuildId, Fact, Record};
use store::Store;

use crate::facts::{record, unknown};
use crate::problem::Problem;

/// Records read at once.
const RECORDS: u32 = 5_000;
/// Builds that are kept folded: what people look at, they look at again, and a stream looks once a second.
const BUILDS: usize = 32;

/// The builds that were looked at last.
#[derive(Default)]
pub(crate) struct Folds {
    /// The last used at the back.
    kept: Mutex<VecDeque<Arc<Fold>>>,
}

impl Folds {
    /// A build's, begun if it is not kept.
    pub(crate) fn of(&self, build: BuildId) -> Arc<Fold> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|fold| fold.build == build);
        let fold = at.and_then(|at| kept.remove(at)).unwrap_or_else(|| Arc::new(Fold::new(build)));
        kept.push_back(Arc::clone(&fold));
        if kept.len() > BUILDS {
            kept.pop_front();
        }
        fold
    }
}

/// One build, as far as its records were read.
pub(crate) struct Fold {
    build: BuildId,
    /// Held while records are read: who asks meanwhile waits for them, and does not read them again.
    read: tokio::sync::Mutex<Read>,
}

#[derive(Default)]
struct Read {
    /// None before the first record.
    facts: Option<Arc<BuildFacts>>,
    /// The last record.
    seq: u64,
    /// Nothing follows.
    whole: bool,
}

impl Fold {
    fn new(build: BuildId) -> Fold {
        Fold { build, read: tokio::sync::Mutex::default() }
    }

    /// Takes in what was recorded since the last time; of a build whose row says that it is `finished` nothing more will
    /// be. The facts, and the number of the last record that they follow from.
    ///
    /// # Errors
    /// There are no records, one is not understood, or the store does not answer. What was read before stays.
    pub(crate) async fn catch_up(&self, store: &Store, finished: bool) -> Result<(Arc<BuildFacts>, u64), Problem> {
        let mut read = self.read.lock().await;
        while !read.whole {
            let page = store.records_after(self.build, read.seq, RECORDS).await?;
            read.take_in(self.build, &page)?;
            if page.len() < RECORDS as usize {
                read.whole = finished;
                break;
            }
        }
        let facts = read.facts.clone().ok_or_else(|| unknown(self.build))?;
        Ok((facts, read.seq))
    }
}

impl Read {
    /// All of these records or, where one is not understood, none.
    fn take_in(&mut self, build: BuildId, page: &[(u64, String)]) -> Result<(), Problem> {
        let records = page.iter().map(|(_, json)| record(build, json)).collect::<Result<Vec<Record>, Problem>>()?;
        let mut records = records.iter();
        let facts = match &mut self.facts {
            Some(facts) => facts,
            None => {
                let Some(first) = records.next() else { return Ok(()) };
                let Fact::Submitted(spec) = &first.fact else { return Err(unknown(build)) };
                self.facts.insert(Arc::new(BuildFacts::new(spec.as_ref().clone(), first.at)))
            }
        };
        if records.len() > 0 {
            // Copied only where somebody still looks at how it was.
            let facts = Arc::make_mut(facts);
            records.for_each(|record| facts.apply(record.at, &record.fact));
        }
        self.seq = page.last().map_or(self.seq, |(seq, _)| *seq);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use engine::{BuildSpec, Outcome, Phase, Time};
    use store::{BuildHeader, Commit, FinishedBuild, RUN_SCOPES, Settings};

    use super::*;

    const BUILD: BuildId = BuildId(1);

    fn spec() -> BuildSpec {
        BuildSpec::plain(BUILD, "demo", "pytest", "local")
    }

    fn rows(from: u64, facts: &[Fact]) -> Vec<(u64, String)> {
        let at = |seq| Time::from_nanos(seq * 1_000_000_000);
        let row = |(seq, fact): (u64, &Fact)| {
            (seq, serde_json::to_string(&Record { build: BUILD, at: at(seq), fact: fact.clone() }).unwrap())
        };
        (from..).zip(facts).map(row).collect()
    }

    #[tokio::test]
    async fn only_what_is_new_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("muster.db"), &Settings::default()).await.unwrap();
        let epoch = store.claim_epoch(&format!("{RUN_SCOPES}1")).await.unwrap();
        let fold = Fold::new(BUILD);
        assert!(fold.catch_up(&store, false).await.is_err(), "there is nothing yet");
        let facts = [
            Fact::Submitted(Box::new(spec())),
            Fact::PhaseBegan(Phase::Queue),
            Fact::PhaseBegan(Phase::Acquire),
            Fact::PriorityChanged { priority: 7 },
            Fact::CancelAsked { cause: "enough".into() },
        ];
        let header = BuildHeader {
            build: BUILD,
            project: "demo".into(),
            builder: "pytest".into(),
            rev: "r".into(),
            started: Time::from_nanos(1),
            submission: String::new(),
        };
        let outcome = serde_json::to_string(&Outcome::Passed).unwrap();
        let finished =
            FinishedBuild { build: BUILD, ended: Time::from_nanos(9), outcome: "passed".into(), summary_json: outcome };
        store.commit(&epoch, &Commit { begun: vec![header], ..Commit::default() }).await.unwrap();
        store.append(&epoch, BUILD, &rows(1, &facts[..3])).await.unwrap();
        let (before, seq) = fold.catch_up(&store, false).await.unwrap();
        assert_eq!((before.phase(), before.priority, seq), (Phase::Acquire, 0, 3));
        let (same, _) = fold.catch_up(&store, false).await.unwrap();
        assert!(Arc::ptr_eq(&before, &same), "nothing was recorded");
        // Nobody can read the former records any more.
        store.commit(&epoch, &Commit { finished: vec![finished], ..Commit::default() }).await.unwrap();
        assert_eq!(store.prune_finished(0).await.unwrap(), 1);
        store.append(&epoch, BUILD, &rows(4, &facts[3..4])).await.unwrap();
        let (after, seq) = fold.catch_up(&store, false).await.unwrap();
        assert_eq!((after.phase(), after.priority, seq), (Phase::Acquire, 7, 4));
        assert_eq!(before.priority, 0, "who looked before sees what was");
        store.append(&epoch, BUILD, &[(5, "no record".to_owned())]).await.unwrap();
        assert!(fold.catch_up(&store, false).await.is_err());
        assert_eq!(fold.read.lock().await.seq, 4, "what is not understood is not passed over");
        store.close().await;
    }

    #[tokio::test]
    async fn a_finished_build_is_read_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("muster.db"), &Settings::default()).await.unwrap();
        let epoch = store.claim_epoch("main").await.unwrap();
        let facts = [Fact::Submitted(Box::new(spec())), Fact::PhaseBegan(Phase::Done)];
        store.append(&epoch, BUILD, &rows(1, &facts)).await.unwrap();
        let fold = Fold::new(BUILD);
        assert_eq!(fold.catch_up(&store, true).await.unwrap().1, 2);
        store.close().await;
        assert_eq!(fold.catch_up(&store, true).await.unwrap().1, 2, "the store is not asked");
    }

    #[test]
    fn the_builds_looked_at_last_are_kept() {
        let folds = Folds::default();
        let first = folds.of(BuildId(0));
        for build in 1..=BUILDS as u64 {
            assert!(Arc::ptr_eq(&first, &folds.of(BuildId(0))), "it is looked at between the others");
            folds.of(BuildId(build));
        }
        assert_eq!(folds.kept.lock().unwrap().len(), BUILDS);
        let last = folds.of(BuildId(BUILDS as u64));
        assert!(Arc::ptr_eq(&last, &folds.of(BuildId(BUILDS as u64))));
        (100..100 + BUILDS as u64).for_each(|build| drop(folds.of(BuildId(build))));
        assert!(!Arc::ptr_eq(&first, &folds.of(BuildId(0))), "it was looked at longest ago");
    }
}
