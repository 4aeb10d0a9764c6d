//! All that carrying out the effects of one build needs, fixed at its submission.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use engine::{BuildId, BuildSpec, Test, TestIndex};
use pool::Pool;
use regex::Regex;
use snapshot::Digest;
use snapshot::archive::Compression;
use snapshot::blob::{BlobKey, BlobStore};
use snapshot::key::SnapshotKey;
use snapshot::source::SourceListing;
use store::{Series, Store};
use tokio::sync::mpsc;

use crate::effects::feed::SnapshotFeed;
use crate::lease::LeaseTable;
use crate::output::OutputStore;
use crate::ports::{BuilderConfig, PluginSet, PolicyRun, Source};
use crate::view::BuildUpdate;

/// What a build is given.
pub struct JobSetup {
    /// What the engine is told.
    pub spec: BuildSpec,
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
    pub(crate) fn new(setup: JobSetup, store: Store) -> Result<Job, crate::CoordinatorError> {
        let series = Series {
            project: setup.spec.project.clone(),
            builder: setup.spec.builder.clone(),
            host_type: setup.spec.test_host_type.clone(),
        };
        Ok(Job {
            output: Arc::new(OutputStore::new(&setup.output_dir, setup.spec.build)?),
            spec: setup.spec,
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
            series,
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
