//! The pool over a fixed list of machines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use buildlet::BuildletUrl;
use buildlet::client::{Client, ClientSettings};
use engine::{LeaseId, Machine};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::machine::{Broken, UrlMachine, UrlState};
use crate::connect::{LeaseNumbers, connect, machine_of};
use crate::{Capacity, Condition, Granted, LeaseRequest, Orphan, Pool, PoolError, Refusal};

/// Settings of a pool by URL.
#[derive(Clone, Debug)]
pub struct UrlSettings {
    /// The pool's name.
    pub name: String,
    /// The class its machines are of; empty: of every class that is asked for.
    pub host_types: Vec<String>,
    /// How long a machine that did not answer is left alone. 15 s.
    pub retry: Duration,
    /// To clean a machine that is given back. 60 s.
    pub clean: Duration,
    /// Time budgets of its clients.
    pub client: ClientSettings,
}

impl Default for UrlSettings {
    fn default() -> UrlSettings {
        UrlSettings {
            name: "url".to_owned(),
            host_types: Vec::new(),
            retry: Duration::from_secs(15),
            clean: Duration::from_secs(60),
            client: ClientSettings::default(),
        }
    }
}

/// Machines that run a buildlet already. One lease for each machine at a time; its work directory is emptied first.
pub struct UrlPool {
    shared: Arc<Shared>,
}

struct Shared {
    settings: UrlSettings,
    state: Mutex<State>,
    /// Counts up whenever a machine may have become free.
    changed: watch::Sender<u64>,
    numbers: LeaseNumbers,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

struct State {
    machines: Vec<UrlMachine>,
    /// Waiting or granted: no number is used twice.
    claims: BTreeSet<LeaseId>,
    granted: BTreeMap<LeaseId, (usize, Arc<Client>)>,
    /// Requests that wait, first come first served.
    queue: BTreeMap<u64, LeaseId>,
    next_turn: u64,
}

impl UrlPool {
    /// A pool of these machines. A machine named twice is one machine.
    #[must_use]
    pub fn new(urls: Vec<BuildletUrl>, settings: UrlSettings) -> UrlPool {
        let mut machines: Vec<UrlMachine> = Vec::new();
        for url in urls {
            if machines.iter().all(|machine| machine.name != url.authority()) {
                machines.push(UrlMachine::new(url));
            }
        }
        let state =
            State { machines, claims: BTreeSet::new(), granted: BTreeMap::new(), queue: BTreeMap::new(), next_turn: 0 };
        UrlPool {
            shared: Arc::new(Shared {
                settings,
                state: Mutex::new(state),
                changed: watch::Sender::new(0),
                numbers: LeaseNumbers::default(),
                stopped: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    async fn wait_for_machine(&self, request: &LeaseRequest) -> Result<Granted, PoolError> {
        let shared = &self.shared;
        let mut waiting = Waiting::enter(shared, request.lease)?;
        let mut changed = shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match waiting.claim()? {
                Turn::Claimed(index) => match self.take(request, index).await {
                    Ok(granted) => {
                        waiting.granted(index, &granted.client);
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

    /// Connects to a claimed machine and empties it.
    async fn take(&self, request: &LeaseRequest, index: usize) -> Result<Granted, PoolError> {
        let shared = &self.shared;
        let (name, url) = {
            let state = shared.state();
            let machine = &state.machines[index];
            (machine.name.clone(), machine.url.clone())
        };
        let client = connect(&name, &url, &shared.settings.client, &shared.numbers).await?;
        if let Some(cause) = shared.state().machines[index].refuses(instance(&client)) {
            return Err(PoolError::Unusable { name, cause: format!("it broke before: {cause}") });
        }
        client.remove_all(&["."]).await.map_err(|source| PoolError::Connect { name: name.clone(), source })?;
        let machine = Machine {
            name,
            host_type: request.host_type.clone(),
            machine: machine_of(&client),
            pool: shared.settings.name.clone(),
        };
        Ok(Granted { lease: request.lease, machine, client, local: None, notes: Vec::new() })
    }
}

#[async_trait]
impl Pool for UrlPool {
    async fn acquire(&self, request: LeaseRequest, cancel: CancellationToken) -> Result<Granted, PoolError> {
        self.can_build(&request.host_type)
            .await
            .map_err(|refusal| PoolError::CannotBuild { host_type: request.host_type.clone(), refusal })?;
        tokio::select! {
            biased;
            () = self.shared.stopped.cancelled() => Err(PoolError::ShutDown),
            () = cancel.cancelled() => Err(PoolError::Canceled),
            granted = self.wait_for_machine(&request) => granted,
        }
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
        let used = state.machines.iter().filter(|machine| matches!(machine.state, UrlState::Claimed)).count();
        Capacity {
            total: u32::try_from(state.machines.len()).ok(),
            used: u32::try_from(used).unwrap_or(u32::MAX),
            elastic: false,
        }
    }

    /// Machines by URL are somebody else's: none is ever left over.
    async fn orphans(&self) -> Result<Vec<Orphan>, PoolError> {
        Ok(Vec::new())
    }

    async fn destroy_orphan(&self, _orphan: &Orphan) -> Result<(), PoolError> {
        Ok(())
    }

    async fn shutdown(&self) {
        self.shared.stopped.cancel();
        let leases: Vec<LeaseId> = self.shared.state().granted.keys().copied().collect();
        for lease in leases {
            self.shared.release(lease, Condition::Sound);
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn release(self: &Arc<Self>, lease: LeaseId, condition: Condition) {
        let (index, client) = {
            let mut state = self.state();
            let Some((index, client)) = state.granted.remove(&lease) else { return };
            state.claims.remove(&lease);
            let machine = &mut state.machines[index];
            if let Condition::Broken { cause } = condition {
                machine.broken = Some(Broken { instance: instance(&client).to_owned(), cause: cause.clone() });
                machine.down(cause, self.settings.retry);
            } else {
                machine.state = UrlState::Cleaning;
            }
            (index, client)
        };
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let cleaned = tokio::time::timeout(shared.settings.clean, client.remove_all(&["."])).await;
            {
                let mut state = shared.state();
                let machine = &mut state.machines[index];
                if matches!(machine.state, UrlState::Cleaning) {
                    match cleaned {
                        Ok(Ok(())) => machine.state = UrlState::Idle,
                        Ok(Err(failure)) => machine.down(failure.to_string(), shared.settings.retry),
                        Err(_) => machine.down(
                            format!("it was not cleaned within {:?}", shared.settings.clean),
                            shared.settings.retry,
                        ),
                    }
                }
            }
            shared.wake();
        });
    }
}

/// Whose turn it is.
enum Turn {
    /// This machine is claimed by the request.
    Claimed(usize),
    /// Not yet; at the latest then there is something to try.
    Wait(Option<Instant>),
}

/// A request in the queue; dropping it leaves the queue and gives back what it claimed.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    lease: LeaseId,
    turn: u64,
    claimed: Option<usize>,
    /// Machines that this request found down, with the cause.
    failures: BTreeMap<usize, String>,
    done: bool,
}

impl<'a> Waiting<'a> {
    fn enter(shared: &'a Arc<Shared>, lease: LeaseId) -> Result<Waiting<'a>, PoolError> {
        let mut state = shared.state();
        if !state.claims.insert(lease) {
            return Err(PoolError::LeaseInUse(lease));
        }
        let turn = state.next_turn;
        state.next_turn += 1;
        state.queue.insert(turn, lease);
        Ok(Waiting { shared, lease, turn, claimed: None, failures: BTreeMap::new(), done: false })
    }

    /// Claims the first free machine if nobody was here before; fails when this request found each machine down.
    fn claim(&mut self) -> Result<Turn, PoolError> {
        let now = Instant::now();
        let mut guard = self.shared.state();
        let state = &mut *guard;
        if self.failures.len() == state.machines.len() {
            return Err(none_usable(&self.failures, &state.machines));
        }
        let in_use = |machine: &UrlMachine| matches!(machine.state, UrlState::Claimed | UrlState::Cleaning);
        if state.machines.iter().any(in_use) {
            // We wait in any case, so that what was down a while ago may be tried again.
            self.failures.retain(|index, _| !state.machines[*index].is_free(now));
        }
        // Those before us in the queue that wait for the same machines come first.
        let ahead = state.queue.range(..self.turn).count();
        let mut free = (0..state.machines.len())
            .filter(|index| !self.failures.contains_key(index) && state.machines[*index].is_free(now));
        if let Some(index) = free.nth(ahead) {
            state.machines[index].state = UrlState::Claimed;
            state.queue.remove(&self.turn);
            self.claimed = Some(index);
            return Ok(Turn::Claimed(index));
        }
        let mut next: Option<Instant> = None;
        for (index, machine) in state.machines.iter().enumerate() {
            let UrlState::Down { again, cause } = &machine.state else { continue };
            // Somebody else found it down a moment ago: that is as good as having tried.
            let known = *again <= now || self.failures.insert(index, cause.clone()).is_some();
            let look = if known { (*again).max(now) } else { now };
            next = Some(next.map_or(look, |next| next.min(look)));
        }
        Ok(Turn::Wait(next))
    }

    fn granted(&mut self, index: usize, client: &Arc<Client>) {
        let mut state = self.shared.state();
        state.granted.insert(self.lease, (index, Arc::clone(client)));
        state.machines[index].broken = None;
        self.done = true;
    }

    fn failed(&mut self, index: usize, error: &PoolError) {
        let cause = error.chain();
        tracing::warn!(cause, "a machine is skipped");
        let mut state = self.shared.state();
        state.machines[index].down(cause.clone(), self.shared.settings.retry);
        state.queue.insert(self.turn, self.lease);
        drop(state);
        self.failures.insert(index, cause);
        self.claimed = None;
        self.shared.wake();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.queue.remove(&self.turn);
        if !self.done {
            state.claims.remove(&self.lease);
            if let Some(index) = self.claimed {
                state.machines[index].state = UrlState::Idle;
            }
        }
        drop(state);
        self.shared.wake();
    }
}

fn none_usable(failures: &BTreeMap<usize, String>, machines: &[UrlMachine]) -> PoolError {
    let names: Vec<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
    let causes: Vec<&str> = failures.values().map(String::as_str).collect();
    PoolError::Unusable { name: names.join(", "), cause: causes.join("; ") }
}

fn instance(client: &Client) -> &str {
    client.extensions().map(|extensions| extensions.instance.as_str()).unwrap_or_default()
}
