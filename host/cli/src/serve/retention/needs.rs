//! What the store knows of builds, read whole: what is not known is no reason to remove anything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use engine::{BuildId, Fact, Record, Time};
use store::{BuildQuery, Store};

/// Builds read at once.
const PAGE: u32 = 500;

/// The builds that are shown, and what the unfinished ones among them need.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// When each ended; none is unfinished.
    pub(super) shown: BTreeMap<u64, Option<Time>>,
    /// Those that are no longer shown since this round began.
    pub(super) forgotten: BTreeSet<u64>,
    /// The trees of unfinished builds, `sha256:...`.
    pub(super) trees: BTreeSet<String>,
}

impl Needs {
    /// Reads it.
    ///
    /// # Errors
    /// The store cannot be read, or holds what a newer version wrote.
    pub(super) async fn read(store: &Store) -> anyhow::Result<Needs> {
        Needs::of(store, BuildQuery::default()).await
    }

    async fn of(store: &Store, which: BuildQuery) -> anyhow::Result<Needs> {
        let mut needs = Needs::default();
        let mut asked = BuildQuery { limit: PAGE, ..which };
        loop {
            let rows = store.builds(&asked).await.context("failed to list the builds")?;
            asked.before = rows.last().map(|row| row.header.build);
            let whole = rows.len() == PAGE as usize;
            for row in rows {
                let build = row.header.build;
                needs.shown.insert(build.0, row.ended.as_ref().map(|ended| ended.ended));
                if row.ended.is_none() {
                    let kept = service::Kept::read(&row.header.submission);
                    let kept =
                        kept.with_context(|| format!("what was submitted as build {build} is not understood"))?;
                    needs.trees.insert(kept.submission.tree);
                }
            }
            if !whole {
                return Ok(needs);
            }
        }
    }

    /// The components that these builds began with.
    ///
    /// # Errors
    /// As [`Needs::read`].
    pub(super) async fn components(&self, store: &Store) -> anyhow::Result<BTreeSet<String>> {
        let (mut digests, mut after) = (BTreeSet::new(), None);
        loop {
            let page = store.first_records(after, PAGE).await.context("failed to read what builds began with")?;
            for (build, json) in page.iter().filter(|(build, _)| self.shown.contains_key(&build.0)) {
                digests.extend(began_with(*build, json)?);
            }
            after = page.last().map(|(build, _)| *build);
            if page.len() < PAGE as usize {
                return Ok(digests);
            }
        }
    }
}

/// The trees that unfinished builds need, `sha256:...`.
///
/// # Errors
/// As [`Needs::read`].
pub(crate) async fn needed_trees(store: &Store) -> anyhow::Result<BTreeSet<String>> {
    let unfinished = BuildQuery { running: Some(true), ..BuildQuery::default() };
    Ok(Needs::of(store, unfinished).await?.trees)
}

/// A build's first record says what it began with.
fn began_with(build: BuildId, json: &str) -> anyhow::Result<Vec<String>> {
    let record: Record =
        serde_json::from_str(json).with_context(|| format!("the first record of build {build} is not understood"))?;
    let Fact::Submitted(spec) = record.fact else { return Ok(Vec::new()) };
    Ok(spec.plugins.into_iter().map(|(_, plugin)| plugin.digest).collect())
}
