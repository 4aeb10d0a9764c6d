//! What the requests of a pool by URL share: its machines, who holds them, and how they are given back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use buildlet::BuildletUrl;
use buildlet::client::{CallFailure, Client};
use buildlet::protocol::Lease;
use engine::LeaseId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::UrlSettings;
use super::machine::{Broken, HeldUrl, UrlMachine, UrlState};
use crate::connect::{LeaseNumbers, connect};
use crate::ledger::Book;
use crate::{Condition, PoolError};

pub(super) struct Shared {
    pub(super) settings: UrlSettings,
    pub(super) state: Mutex<State>,
    /// Counts up whenever a machine may have become free.
    pub(super) changed: watch::Sender<u64>,
    pub(super) numbers: LeaseNumbers,
    /// Leases are written here for the next life.
    pub(super) book: Book<HeldUrl>,
    pub(super) stopped: CancellationToken,
    pub(super) tasks: TaskTracker,
}

pub(super) struct State {
    pub(super) machines: Vec<UrlMachine>,
    /// Waiting or granted: no number is used twice.
    pub(super) claims: BTreeSet<LeaseId>,
    pub(super) granted: BTreeMap<LeaseId, Leased>,
    /// Requests that wait, first come first served.
    pub(super) queue: BTreeMap<u64, LeaseId>,
    pub(super) next_turn: u64,
}

/// A machine under a lease.
pub(super) struct Leased {
    pub(super) index: usize,
    pub(super) number: Lease,
    pub(super) client: Arc<Client>,
}

impl Shared {
    pub(super) fn new(urls: Vec<BuildletUrl>, settings: UrlSettings, book: Book<HeldUrl>) -> Shared {
        let mut machines: Vec<UrlMachine> = Vec::new();
        for url in urls {
            if machines.iter().all(|machine| machine.name != url.authority()) {
                machines.push(UrlMachine::new(url));
            }
        }
        let state =
            State { machines, claims: BTreeSet::new(), granted: BTreeMap::new(), queue: BTreeMap::new(), next_turn: 0 };
        Shared {
            settings,
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            numbers: LeaseNumbers::default(),
            book,
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    pub(super) fn wake(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Strikes a lease out that nobody is to take up.
    pub(super) fn forget(&self, number: Lease) {
        self.book.forget(number, &self.tasks);
    }

    pub(super) fn release(self: &Arc<Self>, lease: LeaseId, condition: Condition) {
        let Leased { index, number, client } = {
            let mut state = self.state();
            let Some(leased) = state.granted.remove(&lease) else { return };
            state.claims.remove(&lease);
            let machine = &mut state.machines[leased.index];
            if let Condition::Broken { cause } = condition {
                machine.broken = Some(Broken { instance: instance(&leased.client).to_owned(), cause: cause.clone() });
                machine.down(cause, self.settings.retry);
            } else {
                machine.turn(UrlState::Cleaning);
            }
            leased
        };
        // From here on there is nothing to adopt: the machine is emptied before its next lease in any case.
        self.forget(number);
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let cleaned = tokio::time::timeout(shared.settings.clean, client.remove_all(&["."])).await;
            shared.cleaned(index, cleaned.map(|cleaned| cleaned.map_err(|failure| failure.to_string())));
        });
    }

    /// Empties a machine that an earlier life held and nobody adopted. Under a new number, which ends what runs there.
    pub(super) fn free(self: &Arc<Self>, index: usize, held: &HeldUrl) {
        self.forget(held.number);
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let cleaned = tokio::time::timeout(shared.settings.clean, shared.empty(index)).await;
            shared.cleaned(index, cleaned.map(|cleaned| cleaned.map_err(|error| error.chain())));
        });
    }

    async fn empty(&self, index: usize) -> Result<(), PoolError> {
        let (name, url) = self.place_of(index);
        let (client, _) = connect(&name, &url, &self.settings.client, &self.numbers).await?;
        client.remove_all(&["."]).await.map_err(|source: CallFailure| PoolError::Connect { name, source })
    }

    /// What a machine is called, and where it is.
    pub(super) fn place_of(&self, index: usize) -> (String, BuildletUrl) {
        let state = self.state();
        let machine = &state.machines[index];
        (machine.name.clone(), machine.url.clone())
    }

    fn cleaned(&self, index: usize, cleaned: Result<Result<(), String>, tokio::time::error::Elapsed>) {
        {
            let mut state = self.state();
            let machine = &mut state.machines[index];
            if matches!(machine.state, UrlState::Cleaning) {
                match cleaned {
                    Ok(Ok(())) => drop(machine.turn(UrlState::Idle)),
                    Ok(Err(cause)) => machine.down(cause, self.settings.retry),
                    Err(_) => machine
                        .down(format!("it was not cleaned within {:?}", self.settings.clean), self.settings.retry),
                }
            }
        }
        self.wake();
    }
}

pub(super) fn instance(client: &Client) -> &str {
    client.extensions().map(|extensions| extensions.instance.as_str()).unwrap_or_default()
}
