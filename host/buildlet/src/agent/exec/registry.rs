//! Which execs run and which are kept, and the lease they are made under.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

use super::{super::refusal::Refusal, Spool};
use crate::protocol::{ExecId, Lease};

/// Why an exec is stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// A newer lease took the machine.
    Lease,
    /// The agent ends.
    AgentEnds,
    /// A client asked for it.
    Killed,
}

/// All execs of an agent.
#[derive(Debug)]
pub(crate) struct Execs {
    root: PathBuf,
    lease_file: PathBuf,
    spool_bytes: u64,
    max_kept: usize,
    inner: Mutex<Inner>,
    /// Serialises the change of the lease, which waits for processes to end.
    admission: tokio::sync::Mutex<()>,
    ended: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    lease: Option<Lease>,
    running: BTreeMap<u64, Running>,
    kept: HashMap<ExecId, Kept>,
    next: u64,
    closed: bool,
}

#[derive(Debug)]
struct Running {
    id: Option<ExecId>,
    lease: Option<Lease>,
    stop: watch::Sender<Option<StopCause>>,
}

#[derive(Debug)]
enum Kept {
    Known(Arc<Spool>),
    /// It was started by an agent before this one, and its end was not seen.
    Lost,
}

/// What was found under an id.
pub(crate) enum Opened {
    Existing(Arc<Spool>),
    New(Arc<Spool>, RunningPermit),
}

/// Leave to run one command; dropping it says that all its processes ended.
#[derive(Debug)]
pub(crate) struct RunningPermit {
    pub(crate) number: u64,
    execs: Arc<Execs>,
    stop: watch::Receiver<Option<StopCause>>,
}

impl Execs {
    /// Finds what agents before this one left in the state directory.
    pub(crate) fn load(state_dir: &Path, spool_bytes: u64, max_kept: usize) -> io::Result<Self> {
        let root = state_dir.join("exec");
        std::fs::create_dir_all(&root)?;
        let lease_file = state_dir.join("lease");
        let lease = std::fs::read_to_string(&lease_file).ok().and_then(|text| text.trim().parse().ok());
        let mut inner = Inner { lease: lease.map(Lease), ..Inner::default() };
        for entry in std::fs::read_dir(&root)?.flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<ExecId>().ok()) else { continue };
            let kept = Spool::load(&root, &id, spool_bytes).map_or(Kept::Lost, Kept::Known);
            inner.kept.insert(id, kept);
        }
        Ok(Execs {
            root,
            lease_file,
            spool_bytes,
            max_kept,
            inner: Mutex::new(inner),
            admission: tokio::sync::Mutex::default(),
            ended: watch::Sender::new(()),
        })
    }

    /// Lets a request of a lease in. A lower one is refused; before a higher one is accepted, all of the former
    /// lease's commands are killed and what was kept of them goes.
    pub(crate) async fn admit(&self, lease: Lease) -> Result<(), Refusal> {
        let _admission = self.admission.lock().await;
        {
            let mut inner = self.lock();
            inner.check(Some(lease))?;
            if inner.lease == Some(lease) {
                return Ok(());
            }
            inner.lease = Some(lease);
        }
        std::fs::write(&self.lease_file, lease.to_string())
            .map_err(|error| Refusal::io("recording the lease", &error))?;
        let older = |found: Option<Lease>| found.is_some_and(|found| found < lease);
        self.stop_where(StopCause::Lease, |running| older(running.lease));
        self.wait_until_gone(|running| older(running.lease)).await;
        let mut inner = self.lock();
        inner.kept.retain(|_, kept| match kept {
            Kept::Known(spool) if older(spool.lease) => {
                spool.remove();
                false
            }
            Kept::Known(_) | Kept::Lost => true,
        });
        Ok(())
    }

    /// Refuses a request whose lease is over.
    pub(crate) fn check(&self, lease: Option<Lease>) -> Result<(), Refusal> {
        self.lock().check(lease)
    }

    /// The highest lease that was let in.
    pub(crate) fn lease(&self) -> Option<Lease> {
        self.lock().lease
    }

    /// The exec of an id, if the agent knows it.
    pub(crate) fn find(&self, id: &ExecId) -> Result<Option<Arc<Spool>>, Refusal> {
        match self.lock().kept.get(id) {
            Some(Kept::Known(spool)) => Ok(Some(Arc::clone(spool))),
            Some(Kept::Lost) => Err(Refusal::gone(format!("exec {id} is gone: the agent was restarted while it ran"))),
            None => Ok(None),
        }
    }

    /// The exec of an id, or a new one.
    pub(crate) fn open(self: &Arc<Self>, id: &ExecId, lease: Option<Lease>) -> Result<Opened, Refusal> {
        if let Some(spool) = self.find(id)? {
            return Ok(Opened::Existing(spool));
        }
        let permit = self.permit(Some(id.clone()), lease)?;
        let mut inner = self.lock();
        if let Some(Kept::Known(spool)) = inner.kept.get(id) {
            return Ok(Opened::Existing(Arc::clone(spool)));
        }
        if inner.kept.len() >= self.max_kept {
            let text = format!("{} execs are kept already: acknowledge some", self.max_kept);
            return Err(Refusal { status: 429, text, reason: Some("busy") });
        }
        let spool = Spool::create(&self.root, id.clone(), lease, self.spool_bytes)
            .map_err(|error| Refusal::io("making the spool", &error))?;
        inner.kept.insert(id.clone(), Kept::Known(Arc::clone(&spool)));
        Ok(Opened::New(spool, permit))
    }

    /// Leave to run a command.
    pub(crate) fn permit(self: &Arc<Self>, id: Option<ExecId>, lease: Option<Lease>) -> Result<RunningPermit, Refusal> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Refusal::new(503, "the agent is ending"));
        }
        inner.check(lease)?;
        inner.next += 1;
        let number = inner.next;
        let (sender, stop) = watch::channel(None);
        inner.running.insert(number, Running { id, lease, stop: sender });
        Ok(RunningPermit { number, execs: Arc::clone(self), stop })
    }

    /// Kills the exec of an id; one that ended already is well.
    pub(crate) fn kill(&self, id: &ExecId) {
        self.stop_where(StopCause::Killed, |running| running.id.as_ref() == Some(id));
    }

    /// Forgets an exec whose end the caller has.
    pub(crate) fn forget(&self, id: &ExecId) {
        let mut inner = self.lock();
        let ended = matches!(inner.kept.get(id), Some(Kept::Known(spool)) if spool.state().ended);
        if ended && let Some(Kept::Known(spool)) = inner.kept.remove(id) {
            spool.remove();
        }
    }

    /// Kills all that runs, and lets nothing start from now on if `close`.
    pub(crate) async fn kill_all(&self, close: bool) {
        self.lock().closed |= close;
        self.stop_where(StopCause::AgentEnds, |_| true);
        if close {
            self.wait_until_gone(|_| true).await;
        }
    }

    /// The ids of execs that wait for an acknowledgement.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let inner = self.lock();
        let known = inner.kept.values().filter_map(|kept| match kept {
            Kept::Known(spool) => Some(spool.state()),
            Kept::Lost => None,
        });
        known.filter(|state| state.waiting).map(|state| state.id.to_string()).collect()
    }

    fn stop_where(&self, cause: StopCause, which: impl Fn(&Running) -> bool) {
        for running in self.lock().running.values().filter(|running| which(running)) {
            running.stop.send_if_modified(|stop| stop.is_none().then(|| *stop = Some(cause)).is_some());
        }
    }

    async fn wait_until_gone(&self, which: impl Fn(&Running) -> bool) {
        let gone = |(): &()| !self.lock().running.values().any(&which);
        // The sender is this one's own.
        let _ = self.ended.subscribe().wait_for(gone).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock can panic")
    }
}

impl Inner {
    fn check(&self, lease: Option<Lease>) -> Result<(), Refusal> {
        match (lease, self.lease) {
            (Some(lease), Some(current)) if lease < current => {
                let text = format!("lease {lease} is over: this machine serves lease {current}");
                Err(Refusal { status: 409, text, reason: Some("lease") })
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

impl RunningPermit {
    /// Waits until the exec is to be stopped.
    pub(crate) async fn stopped(&self) -> StopCause {
        let mut stop = self.stop.clone();
        loop {
            if let Some(cause) = *stop.borrow_and_update() {
                return cause;
            }
            if stop.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for RunningPermit {
    fn drop(&mut self) {
        self.execs.lock().running.remove(&self.number);
        self.execs.ended.send_replace(());
    }
}
