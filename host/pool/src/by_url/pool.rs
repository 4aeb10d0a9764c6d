//! The pool over a fixed list of machines.

use std::sync::Arc;

use async_trait::async_trait;
use buildlet::BuildletUrl;
use buildlet::protocol::Lease;
use engine::{LeaseId, Machine};
use tokio_util::sync::CancellationToken;

use super::UrlSettings;
use super::adopt::adopt;
use super::machine::{HeldUrl, UrlMachine, UrlState};
use super::shared::{Shared, instance};
use super::waiting::{Turn, Waiting};
use crate::connect::{connect, machine_of};
use crate::ledger::Book;
use crate::wanted::{EndUnlessWanted, while_wanted};
use crate::{
    AdoptRequest, Capacity, Condition, Granted, LeaseRequest, Ledger, Orphan, Pool, PoolError, Refusal, SeenMachine,
};

/// Machines that run a buildlet already. One lease for each machine at a time; its work directory is emptied first.
pub struct UrlPool {
    shared: Arc<Shared>,
}

impl UrlPool {
    /// A pool of these machines. A machine named twice is one machine.
    #[must_use]
    pub fn new(urls: Vec<BuildletUrl>, settings: UrlSettings) -> UrlPool {
        let book = Book::none(&settings.name);
        UrlPool { shared: Arc::new(Shared::new(urls, settings, book)) }
    }

    /// The same, with leases that outlive this process: they are written into this ledger, and those that an earlier
    /// life wrote wait to be adopted.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn open(
        urls: Vec<BuildletUrl>,
        settings: UrlSettings,
        ledger: Arc<dyn Ledger>,
    ) -> Result<UrlPool, PoolError> {
        let (book, held) = Book::<HeldUrl>::open(&settings.name, ledger).await?;
        let shared = Arc::new(Shared::new(urls, settings, book));
        for held in held {
            shared.numbers.above(held.number);
            let mut state = shared.state();
            match state.machines.iter_mut().find(|machine| machine.name == held.name) {
                // Entries come by number: of two, the later lease is the one that the machine serves.
                Some(machine) => {
                    if let UrlState::Held(before) = machine.turn(UrlState::Held(held)) {
                        shared.forget(before.number);
                    }
                }
                None => {
                    tracing::warn!(machine = held.name, "a leased machine is no longer in the list");
                    shared.forget(held.number);
                }
            }
        }
        Ok(UrlPool { shared })
    }

    async fn wait_for_machine(&self, request: &LeaseRequest) -> Result<Granted, PoolError> {
        let shared = &self.shared;
        let mut waiting = Waiting::enter(shared, request)?;
        let mut changed = shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match waiting.claim()? {
                Turn::Claimed(index) => match self.take(request, index).await {
                    Ok((granted, number)) => {
                        waiting.granted(index, number, &granted.client);
                        if shared.stopped.is_cancelled() {
                            shared.release(request.lease, Condition::Sound);
                            return Err(PoolError::ShutDown);
                        }
                        return Ok(granted);
                    }
                    Err(error) => waiting.failed(index, &error),
                },
                Turn::Wait(until) => {
                    let woken = async { changed.changed().await.is_ok() };
                    match until {
                        Some(until) => drop(tokio::time::timeout_at(until, woken).await),
                        None => drop(woken.await),
                    }
                }
            }
        }
    }

    /// Ends the leases of an earlier life on machines of these names.
    fn free_held(&self, which: impl Fn(&str) -> bool) {
        let mut freed = Vec::new();
        for (index, machine) in self.shared.state().machines.iter_mut().enumerate() {
            if let UrlState::Held(held) = &machine.state
                && which(&machine.name)
            {
                freed.push((index, held.clone()));
                machine.turn(UrlState::Cleaning);
            }
        }
        for (index, held) in freed {
            self.shared.free(index, &held);
        }
    }

    /// Connects to a claimed machine and empties it.
    async fn take(&self, request: &LeaseRequest, index: usize) -> Result<(Granted, Lease), PoolError> {
        let shared = &self.shared;
        let (name, url) = shared.place_of(index);
        let (client, number) = connect(&name, &url, &shared.settings.client, &shared.numbers).await?;
        if let Some(cause) = shared.state().machines[index].refuses(instance(&client)) {
            return Err(PoolError::Unusable { name, cause: format!("it broke before: {cause}") });
        }
        // Before the machine hears of the lease: who may not write it down any more must not end what runs there.
        let held = HeldUrl {
            lease: request.lease,
            number,
            build: request.build,
            name: name.clone(),
            instance: instance(&client).to_owned(),
        };
        let written = EndUnlessWanted::new(|| shared.forget(number));
        shared.book.keep(number, &held).await?;
        client.remove_all(&["."]).await.map_err(|source| PoolError::Connect { name: name.clone(), source })?;
        written.wanted();
        let machine = Machine {
            name,
            host_type: request.host_type.clone(),
            machine: machine_of(&client),
            pool: shared.settings.name.clone(),
        };
        Ok((Granted { lease: request.lease, machine, client, local: None, notes: Vec::new() }, number))
    }
}

#[async_trait]
impl Pool for UrlPool {
    async fn acquire(&self, request: LeaseRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        self.can_build(&request.host_type)
            .await
            .map_err(|refusal| PoolError::CannotBuild { host_type: request.host_type.clone(), refusal })?;
        while_wanted(&self.shared.stopped, &cancel, self.wait_for_machine(&request)).await
    }

    async fn adopt(&self, request: AdoptRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        while_wanted(&self.shared.stopped, &cancel, adopt(&self.shared, &request)).await
    }

    async fn release(&self, lease: LeaseId, condition: Condition) {
        self.shared.release(lease, condition);
    }

    async fn can_build(&self, host_type: &str) -> Result<(), Refusal> {
        let known = &self.shared.settings.host_types;
        if self.shared.state().machines.is_empty() {
            return Err(Refusal("no buildlet URL is given".to_owned()));
        }
        if !known.is_empty() && !known.iter().any(|known| known == host_type) {
            return Err(Refusal(format!("its machines are of type {}", known.join(", "))));
        }
        Ok(())
    }

    async fn capacity(&self, host_type: &str) -> Capacity {
        if self.can_build(host_type).await.is_err() {
            return Capacity { total: Some(0), ..Capacity::default() };
        }
        let state = self.shared.state();
        let used = state
            .machines
            .iter()
            .filter(|machine| matches!(machine.state, UrlState::Held(_) | UrlState::Claimed { .. }))
            .count();
        Capacity {
            total: u32::try_from(state.machines.len()).ok(),
            used: u32::try_from(used).unwrap_or(u32::MAX),
            elastic: false,
        }
    }

    async fn machines(&self) -> Vec<SeenMachine> {
        self.shared.state().machines.iter().map(UrlMachine::seen).collect()
    }

    /// Machines by URL are somebody else's: only leases are left over.
    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError> {
        let state = self.shared.state();
        let held = state.machines.iter().filter(|machine| matches!(machine.state, UrlState::Held(_)));
        let orphans = held.map(|machine| Orphan {
            handle: machine.name.clone(),
            name: machine.name.clone(),
            pool: self.shared.settings.name.clone(),
            created: None,
        });
        Ok(orphans.collect())
    }

    /// Ends the lease: the machine is emptied, and then offered.
    async fn destroy_orphan(&self, orphan: &Orphan) -> Result<(), PoolError> {
        self.free_held(|name| name == orphan.handle);
        Ok(())
    }

    async fn shutdown(&self) {
        self.shared.stopped.cancel();
        let leases: Vec<LeaseId> = self.shared.state().granted.keys().copied().collect();
        for lease in leases {
            self.shared.release(lease, Condition::Sound);
        }
        self.free_held(|_| true);
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
