//! What makes or removes whole trees: in each place one request at a time, and the last that comes is the one that counts.
//!
//! A request whose client vanished without a word is noticed only after minutes, and then removes what it made of a tree.
//! By then the place may be another's.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{exec::Execs, refusal::Refusal};
use crate::protocol::Lease;

/// All that make or remove trees.
#[derive(Debug)]
pub(crate) struct TreeWrites {
    inner: Mutex<Inner>,
    ended: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    under_way: BTreeMap<u64, UnderWay>,
    next: u64,
}

#[derive(Debug)]
struct UnderWay {
    places: Vec<PathBuf>,
    lease: Option<Lease>,
    stop: CancellationToken,
}

impl UnderWay {
    fn overlaps(&self, places: &[PathBuf]) -> bool {
        let same = |a: &PathBuf, b: &PathBuf| a.starts_with(b) || b.starts_with(a);
        self.places.iter().any(|own| places.iter().any(|place| same(own, place)))
    }
}

/// Leave to make or remove trees, until it is dropped.
#[derive(Debug)]
pub(crate) struct TreeWrite {
    number: u64,
    writes: Arc<TreeWrites>,
    stop: CancellationToken,
}

impl TreeWrites {
    pub(crate) fn new() -> Self {
        TreeWrites { inner: Mutex::default(), ended: watch::Sender::new(()) }
    }

    /// Gives leave for these places once everyone there before has ended, who is told to.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        places: Vec<PathBuf>,
        lease: Option<Lease>,
        execs: &Execs,
    ) -> Result<TreeWrite, Refusal> {
        let mut ended = self.ended.subscribe();
        loop {
            ended.borrow_and_update();
            {
                let mut inner = self.lock();
                // Under the lock, so that a newer lease either finds this one or refuses it.
                execs.check(lease)?;
                if !inner.stop_where(|other| other.overlaps(&places)) {
                    inner.next += 1;
                    let (number, stop) = (inner.next, CancellationToken::new());
                    inner.under_way.insert(number, UnderWay { places, lease, stop: stop.clone() });
                    return Ok(TreeWrite { number, writes: Arc::clone(self), stop });
                }
            }
            ended.changed().await.map_err(|_| Refusal::new(503, "the agent is ending"))?;
        }
    }

    /// Ends what leases before this one still make or remove.
    pub(crate) async fn end_before(&self, lease: Lease) {
        let gone = |(): &()| !self.lock().stop_where(|other| other.lease.is_some_and(|found| found < lease));
        // The sender is this one's own.
        let _ = self.ended.subscribe().wait_for(gone).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock can panic")
    }
}

impl Inner {
    /// Tells these to end; whether there are any.
    fn stop_where(&self, which: impl Fn(&UnderWay) -> bool) -> bool {
        let mut any = false;
        for found in self.under_way.values().filter(|found| which(found)) {
            found.stop.cancel();
            any = true;
        }
        any
    }
}

impl TreeWrite {
    /// Waits until it is to end, because the place is another's now. What cannot be ended in its middle goes on.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

impl Drop for TreeWrite {
    fn drop(&mut self) {
        self.writes.lock().under_way.remove(&self.number);
        self.writes.ended.send_replace(());
    }
}
