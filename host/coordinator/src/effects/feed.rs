//! Where helpers get the made tree from while it is being saved: the stream that saves it, and the tree itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use engine::{ExecFailure, LeaseId};
use snapshot::archive::Compression;
use snapshot::fanout::{Branch, Fanout};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// One per build; there is something to get only while a save is under way.
pub(crate) struct SnapshotFeed {
    state: Mutex<State>,
    saved: watch::Sender<Saved>,
}

#[derive(Default)]
struct State {
    /// Until the stream starts.
    gathering: Option<(Fanout, Compression)>,
    /// Until the stream has ended.
    still: Option<Still>,
    /// What helpers were promised that were there when the save began, and did not ask for yet.
    promised: BTreeMap<LeaseId, Original>,
}

/// The tree on the main buildlet while nothing writes into it: from the end of the make to that of the save.
struct Still {
    main: LeaseId,
    readers: TaskTracker,
}

impl Still {
    fn read(&self) -> Original {
        Original { main: self.main, _reader: self.readers.token() }
    }
}

/// Leave to read the main buildlet's tree: the save does not end before it is given back.
pub(super) struct Original {
    /// Whose tree it is.
    pub(super) main: LeaseId,
    _reader: TaskTrackerToken,
}

/// What became of the save.
#[derive(Clone, Debug, PartialEq)]
enum Saved {
    /// None is under way: what there is, is in the store.
    Idle,
    /// It is under way.
    Saving,
    /// It failed.
    Failed(ExecFailure),
}

impl Default for SnapshotFeed {
    fn default() -> SnapshotFeed {
        SnapshotFeed { state: Mutex::default(), saved: watch::Sender::new(Saved::Idle) }
    }
}

impl SnapshotFeed {
    /// Helpers may join from now on. Called when the save is ordered, before what helpers are ordered to do.
    pub(crate) fn open(&self, main: LeaseId, compression: Compression) {
        self.saved.send_replace(Saved::Saving);
        let mut state = self.lock();
        state.gathering = Some((Fanout::default(), compression));
        state.still = Some(Still { main, readers: TaskTracker::new() });
    }

    /// Promises a machine the tree itself, if nothing writes into it now. Called when its set-up is ordered: a small tree
    /// may be saved before the machine asks.
    pub(crate) fn promise(&self, lease: LeaseId) {
        let mut state = self.lock();
        if let Some(original) = state.still.as_ref().map(Still::read) {
            state.promised.insert(lease, original);
        }
    }

    /// What the machine was promised.
    pub(super) fn original(&self, lease: LeaseId) -> Option<Original> {
        self.lock().promised.remove(&lease)
    }

    /// A branch of the stream, for a helper that comes before it starts and takes what it is packed with.
    pub(super) fn branch(&self, takes: impl FnOnce(Compression) -> bool) -> Option<(Branch, Compression)> {
        let mut state = self.lock();
        let (fanout, compression) = state.gathering.as_mut()?;
        takes(*compression).then(|| (fanout.branch(), *compression))
    }

    /// The stream starts: nobody joins any more.
    pub(super) fn start(&self) -> Fanout {
        self.lock().gathering.take().map(|(fanout, _)| fanout).unwrap_or_default()
    }

    /// Nobody begins to read the tree any more. Returns when those have ended who do.
    pub(super) async fn wait_for_readers(&self) {
        let still = self.lock().still.take();
        if let Some(Still { readers, .. }) = still {
            readers.close();
            readers.wait().await;
        }
    }

    /// The save is over.
    pub(super) fn close(&self, result: Result<(), ExecFailure>) {
        *self.lock() = State::default();
        self.saved.send_replace(match result {
            Ok(()) => Saved::Idle,
            Err(failure) => Saved::Failed(failure),
        });
    }

    /// The store has a whole snapshot: that saving one failed before stands in nobody's way.
    pub(super) fn found(&self) {
        self.saved.send_if_modified(|saved| {
            let failed = matches!(saved, Saved::Failed(_));
            if failed {
                *saved = Saved::Idle;
            }
            failed
        });
    }

    /// Waits until the store has what is being saved.
    pub(super) async fn saved(&self) -> Result<(), ExecFailure> {
        let mut saved = self.saved.subscribe();
        let done = saved.wait_for(|saved| *saved != Saved::Saving).await;
        match done.map(|saved| saved.clone()) {
            Ok(Saved::Failed(failure)) => Err(failure),
            Ok(Saved::Idle | Saved::Saving) | Err(_) => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

#[cfg(test)]
mod tests {
    use engine::ExecFailureKind;
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_save_ends_after_those_who_read_the_tree() {
        let feed = SnapshotFeed::default();
        feed.promise(LeaseId(2));
        assert!(feed.original(LeaseId(2)).is_none(), "nobody knows what happens in the tree");
        feed.open(LeaseId(1), Compression::None);
        feed.promise(LeaseId(2));
        let mut wait = std::pin::pin!(feed.wait_for_readers());
        assert!(wait.as_mut().now_or_never().is_none(), "somebody will read");
        feed.promise(LeaseId(3));
        assert!(feed.original(LeaseId(3)).is_none(), "the stream has ended");
        drop(feed.original(LeaseId(2)).expect("it was promised"));
        wait.await;
    }

    #[test]
    fn a_failed_save_is_forgotten_once_there_is_a_snapshot() {
        let feed = SnapshotFeed::default();
        feed.open(LeaseId(1), Compression::None);
        feed.found();
        assert!(feed.saved().now_or_never().is_none(), "an older one is no reason not to wait");
        let failure = ExecFailure::new(ExecFailureKind::MachineLost, "killed");
        feed.close(Err(failure.clone()));
        assert_eq!(feed.saved().now_or_never(), Some(Err(failure)));
        feed.found();
        assert_eq!(feed.saved().now_or_never(), Some(Ok(())));
    }

    #[test]
    fn who_cannot_take_the_stream_gets_no_branch() {
        let feed = SnapshotFeed::default();
        feed.open(LeaseId(1), Compression::Zstd);
        assert!(feed.branch(|compression| compression == Compression::Gzip).is_none());
        assert!(feed.branch(|_| true).is_some());
        drop(feed.start());
        assert!(feed.branch(|_| true).is_none(), "it has started");
    }
}
