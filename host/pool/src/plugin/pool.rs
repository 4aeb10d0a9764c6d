//! The pool over a source of machines.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use engine::LeaseId;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::adopt::adopt;
use super::machine::destroy;
use super::settings::{COORDINATOR, POOL};
use super::shared::{HeldMachine, Place, Shared, State};
use super::{MachineSource, PluginSettings};
use crate::connect::LeaseNumbers;
use crate::ledger::Book;
use crate::wanted::{EndUnlessWanted, while_wanted};
use crate::{
    AdoptRequest, Capacity, Condition, Granted, LeaseRequest, Ledger, Orphan, Pool, PoolError, Refusal, SeenMachine,
};

/// Machines made on demand by a source, one for each lease, and destroyed with it.
pub struct PluginPool {
    shared: Arc<Shared>,
}

impl PluginPool {
    /// A pool over this source.
    #[must_use]
    pub fn new(source: Arc<dyn MachineSource>, settings: PluginSettings) -> PluginPool {
        let book = Book::none(&settings.name);
        PluginPool::with(source, settings, book)
    }

    /// The same, with leases that outlive this process: they are written into this ledger, passwords included, and
    /// those that an earlier life wrote wait to be adopted. The settings' `run` must differ from that life's.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn open(
        source: Arc<dyn MachineSource>,
        settings: PluginSettings,
        ledger: Arc<dyn Ledger>,
    ) -> Result<PluginPool, PoolError> {
        let (book, held) = Book::<HeldMachine>::open(&settings.name, ledger).await?;
        let pool = PluginPool::with(source, settings, book);
        held.iter().for_each(|held| pool.shared.numbers.above(held.number));
        pool.shared.state().held = held;
        Ok(pool)
    }

    fn with(source: Arc<dyn MachineSource>, settings: PluginSettings, book: Book<HeldMachine>) -> PluginPool {
        PluginPool {
            shared: Arc::new(Shared {
                source,
                settings,
                state: Mutex::new(State::default()),
                changed: watch::Sender::new(0),
                numbers: LeaseNumbers::default(),
                opened: SystemTime::now(),
                book,
                stopped: CancellationToken::new(),
                ended: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// Waits until the source has room for one more of our machines.
    async fn place(&self, request: &LeaseRequest) -> Result<Place, PoolError> {
        let shared = &self.shared;
        let mut changed = shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let capacity = shared.source.capacity(&request.host_type).await.map_err(|source| PoolError::Source {
                call: "count",
                pool: shared.settings.name.clone(),
                source,
            })?;
            if let Some(place) = shared.take_place(request, capacity)? {
                return Ok(place);
            }
            // Others may give room without our seeing it.
            let woken = async { changed.changed().await.is_ok() };
            drop(tokio::time::timeout(shared.settings.longest_look, woken).await);
        }
    }

    async fn grant(&self, request: &LeaseRequest) -> Result<Granted, PoolError> {
        let place = self.place(request).await?;
        let asked = EndUnlessWanted::new(|| self.shared.release(request.lease, Condition::Sound));
        let (reply, making) = oneshot::channel();
        self.shared.tasks.spawn(Arc::clone(&self.shared).make_and_tell(request.clone(), place, reply));
        let granted = making.await.map_err(|_| PoolError::ShutDown)??;
        asked.wanted();
        Ok(granted)
    }
}

#[async_trait]
impl Pool for PluginPool {
    async fn acquire(&self, request: LeaseRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        self.can_build(&request.host_type)
            .await
            .map_err(|refusal| PoolError::CannotBuild { host_type: request.host_type.clone(), refusal })?;
        while_wanted(&self.shared.stopped, &cancel, self.grant(&request)).await
    }

    async fn adopt(&self, request: AdoptRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        while_wanted(&self.shared.stopped, &cancel, adopt(&self.shared, &request)).await
    }

    async fn release(&self, lease: LeaseId, condition: Condition) {
        self.shared.release(lease, condition);
    }

    async fn can_build(&self, host_type: &str) -> Result<(), Refusal> {
        let shared = &self.shared;
        let known = &shared.settings.host_types;
        if !known.is_empty() && !known.iter().any(|known| known == host_type) {
            return Err(Refusal(format!("it is configured for {}", known.join(", "))));
        }
        match shared.source.can_build(host_type).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal("it does not make such machines".to_owned())),
            Err(error) if error.retryable => Err(Refusal(format!("it cannot tell: {error}"))),
            Err(error) => Err(Refusal(error.to_string())),
        }
    }

    async fn capacity(&self, host_type: &str) -> Capacity {
        let shared = &self.shared;
        let capacity = shared.source.capacity(host_type).await.unwrap_or_else(|error| {
            tracing::warn!(pool = shared.settings.name, %error, "the pool cannot tell its capacity");
            Capacity { total: None, used: shared.state().count(host_type), elastic: true }
        });
        let most = shared.settings.most;
        Capacity { total: capacity.total.into_iter().chain(most).min(), ..capacity }
    }

    async fn machines(&self) -> Vec<SeenMachine> {
        self.shared.state().seen(self.shared.opened)
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError> {
        let shared = &self.shared;
        let PluginSettings { coordinator, name, .. } = &shared.settings;
        let labels = [(COORDINATOR.to_owned(), coordinator.clone()), (POOL.to_owned(), name.clone())];
        let found = shared.source.list(&labels).await.map_err(|source| shared.failed("list", source))?;
        let mut state = shared.state();
        // What the source no longer has will not be adopted.
        state.held.retain(|held| {
            let there = found.iter().any(|machine| machine.name == held.name);
            if !there {
                shared.forget(held.number);
            }
            there
        });
        let orphans = found.into_iter().filter(|machine| !state.names.contains(&machine.name)).map(|machine| Orphan {
            handle: machine.handle,
            name: machine.name,
            pool: shared.settings.name.clone(),
            created: machine.created,
        });
        Ok(orphans.collect())
    }

    async fn destroy_orphan(&self, orphan: &Orphan) -> Result<(), PoolError> {
        let shared = &self.shared;
        {
            let mut state = shared.state();
            // It was adopted since it was listed, or is not an orphan of this pool at all.
            if state.names.contains(&orphan.name) {
                return Err(PoolError::Held { name: orphan.name.clone() });
            }
            // It is not adopted any more, whatever comes of this: what cannot be destroyed now is listed again.
            state.held.retain(|held| {
                let other = held.handle != orphan.handle;
                if !other {
                    shared.forget(held.number);
                }
                other
            });
        }
        destroy(shared.source.as_ref(), &shared.settings, &orphan.handle)
            .await
            .map_err(|source| shared.failed("destroy", source))
    }

    async fn shutdown(&self) {
        self.shared.ended.cancel();
        self.shared.stopped.cancel();
        let leases: Vec<LeaseId> = self.shared.state().granted.keys().copied().collect();
        for lease in leases {
            self.shared.release(lease, Condition::Sound);
        }
        let held = std::mem::take(&mut self.shared.state().held);
        for held in held {
            self.shared.give_up(held);
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    async fn leave(&self) {
        if !self.shared.book.is_kept() {
            return self.shutdown().await;
        }
        self.shared.stopped.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}
