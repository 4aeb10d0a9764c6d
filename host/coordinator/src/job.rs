//! All that carrying out the effects of one build needs, fixed at its submission.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use engine::{AttemptId, BuildFacts, BuildId, BuildSpec, Test, TestIndex};
use logs::LogStore;
use pool::Pool;
use regex::Regex;
use snapshot::Digest;
use snapshot::archive::Compression;
use snapshot::blob::{BlobKey, BlobStore};
use snapshot::key::SnapshotKey;
use snapshot::source::SourceListing;
use store::{Series, Store};
use tokio::sync::{MutexGuard, OnceCell, mpsc};

use crate::effects::feed::SnapshotFeed;
use crate::excerpts::unreadable;
use crate::kept::KeptStreams;
use crate::lease::LeaseTable;
use crate::log::BuildLog;
use crate::output::OutputStore;
use crate::ports::{BuilderConfig, PluginSet, PolicyRun, Source};
use crate::report::Excerpts;
use crate::view::BuildUpdate;

/// What a build is given.
pub struct JobSetup {
    /// The builder's configuration.
    pub config: BuilderConfig,
    /// What the builder plugin knows of the tree.
    pub source: Source,
    /// What is pushed.
    pub listing: Arc<SourceListing>,
    /// The plugins, pinned.
    pub plugins: PluginSet,
    /// Where machines come from.
    pub pool: Arc<dyn Pool>,
    /// Where snapshots are kept.
    pub blobs: BlobStore,
    /// Under which name.
    pub key: SnapshotKey,
    /// How archives travel to and from the machines that can choose.
    pub compression: Compression,
    /// Which of the listed tests run.
    pub selection: Selection,
    /// The folder in which every running build keeps its output, each in one of its own.
    pub output_dir: PathBuf,
    /// Where what happens is told.
    pub updates: mpsc::Sender<BuildUpdate>,
}

/// Which of the listed tests run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those whose name matches; none is all.
    pub run: Option<Regex>,
}

/// A snapshot in the store.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) key: BlobKey,
    pub(crate) compression: Compression,
    pub(crate) digest: Digest,
}

/// A build under way, as its effects see it.
pub struct Job {
    pub(crate) spec: BuildSpec,
    pub(crate) config: BuilderConfig,
    pub(crate) source: Source,
    pub(crate) listing: Arc<SourceListing>,
    pub(crate) plugins: PluginSet,
    pub(crate) pool: Arc<dyn Pool>,
    pub(crate) blobs: BlobStore,
    pub(crate) key: SnapshotKey,
    pub(crate) compression: Compression,
    pub(crate) selection: Selection,
    pub(crate) updates: mpsc::Sender<BuildUpdate>,
    pub(crate) store: Store,
    pub(crate) series: Series,
    pub(crate) leases: LeaseTable,
    pub(crate) output: Arc<OutputStore>,
    pub(crate) kept: KeptStreams,
    log: OnceCell<tokio::sync::Mutex<BuildLog>>,
    pub(crate) feed: SnapshotFeed,
    /// The snapshot that the build uses, once it was found or saved.
    stored: Mutex<Option<Stored>>,
    /// The digest of a snapshot, and the same tree for machines that do not take that one.
    pub(crate) repacked: tokio::sync::Mutex<Option<(Digest, Stored)>>,
    /// The listed tests, once they are known.
    pub(crate) tests: OnceLock<Vec<Test>>,
    /// The builder's note to itself.
    pub(crate) memo: OnceLock<String>,
    pub(crate) policy_run: tokio::sync::Mutex<Option<Box<dyn PolicyRun>>>,
}

impl Job {
    pub(crate) fn new(
        spec: BuildSpec,
        setup: JobSetup,
        store: Store,
        logs: Option<LogStore>,
    ) -> Result<Job, crate::CoordinatorError> {
        Ok(Job {
            output: Arc::new(OutputStore::new(&setup.output_dir, spec.build)?),
            kept: KeptStreams::new(logs, spec.build),
            log: OnceCell::new(),
            series: series(&spec),
            spec,
            config: setup.config,
            source: setup.source,
            listing: setup.listing,
            plugins: setup.plugins,
            pool: setup.pool,
            blobs: setup.blobs,
            key: setup.key,
            compression: setup.compression,
            selection: setup.selection,
            updates: setup.updates,
            store,
            leases: LeaseTable::default(),
            feed: SnapshotFeed::default(),
            stored: Mutex::default(),
            repacked: tokio::sync::Mutex::default(),
            tests: OnceLock::new(),
            memo: OnceLock::new(),
            policy_run: tokio::sync::Mutex::new(None),
        })
    }

    pub(crate) fn build(&self) -> BuildId {
        self.spec.build
    }

    /// Tells what happened. Nobody listening is no failure of the build.
    pub(crate) async fn tell(&self, update: BuildUpdate) {
        let _ = self.updates.send(update).await;
    }

    /// Takes in what was found out in an earlier life of the coordinator.
    pub(crate) fn know(&self, facts: &BuildFacts) {
        if facts.tests.is_empty() {
            return;
        }
        let listed = facts.tests.iter().filter(|test| !test.added).map(|test| test.test.clone());
        let _ = self.tests.set(listed.collect());
    }

    /// The ordered log.
    ///
    /// # Errors
    /// What there is of it cannot be read.
    pub(crate) async fn log(&self) -> io::Result<MutexGuard<'_, BuildLog>> {
        let open = async || BuildLog::open(&self.kept).await.map(tokio::sync::Mutex::new);
        Ok(self.log.get_or_try_init(open).await?.lock().await)
    }

    /// Appends an attempt's output to the ordered log, unless it is there. `place` counts the attempts of the log from 1.
    pub(crate) async fn publish(&self, place: u64, attempt: AttemptId) -> io::Result<()> {
        let mut log = self.log().await?;
        if log.has(place) {
            return Ok(());
        }
        let shown = match self.output.read(attempt).await? {
            Some(shown) => shown,
            None => self.kept.shown(attempt).await?,
        };
        let appended = log.attempt(shown.pieces()).await?;
        if !appended.is_empty() {
            self.tell(BuildUpdate::OrderedOutput(appended)).await;
        }
        Ok(())
    }

    /// Tells of a restart in the ordered log, unless that is there. `number` counts them from 1.
    pub(crate) async fn restarted(&self, number: u64, text: &str) -> io::Result<()> {
        let line = self.log().await?.restart(number, text).await?;
        if !line.is_empty() {
            self.tell(BuildUpdate::OrderedOutput(line)).await;
        }
        Ok(())
    }

    /// Makes durable what there is of the ordered log.
    pub(crate) async fn stop(&self) {
        let flushed = async { self.log().await?.flush().await };
        if let Err(error) = flushed.await {
            tracing::warn!(build = %self.build(), %error, "the end of the log is fetched from the buildlet again");
        }
    }

    /// The build is over: its streams end.
    pub(crate) async fn end_logs(&self) -> io::Result<()> {
        self.log().await?.finish().await?;
        self.kept.seal().await
    }

    /// Every machine that is set up from now on gets this one.
    pub(crate) fn keep_snapshot(&self, stored: Stored) {
        *self.stored.lock().expect("no holder of this lock can panic") = Some(stored);
    }

    pub(crate) fn stored_snapshot(&self) -> Option<Stored> {
        self.stored.lock().expect("no holder of this lock can panic").clone()
    }

    /// The listed tests of these places.
    pub(crate) fn tests_at(&self, indices: &[TestIndex]) -> Vec<Test> {
        let listed = self.tests.get().map(Vec::as_slice).unwrap_or_default();
        indices.iter().filter_map(|index| listed.get(index.0 as usize)).cloned().collect()
    }

    /// The limit of one command that is not a test's.
    pub(crate) fn phase_limit(&self) -> Duration {
        self.spec.limits.phase
    }
}

#[async_trait]
impl Excerpts for Job {
    async fn excerpt(&self, attempt: AttemptId) -> Vec<u8> {
        let here = self.output.excerpt(attempt).await;
        let excerpt = match here {
            Ok(Some(excerpt)) => Ok(excerpt),
            Ok(None) => self.kept.excerpt(attempt).await,
            Err(error) => Err(error),
        };
        excerpt.unwrap_or_else(|error| {
            tracing::warn!(build = %self.build(), %attempt, %error, "an output is missing from the report");
            unreadable(attempt, &error)
        })
    }
}

/// The history that this build's durations belong to.
pub(crate) fn series(spec: &BuildSpec) -> Series {
    Series { project: spec.project.clone(), builder: spec.builder.clone(), host_type: spec.test_host_type.clone() }
}
