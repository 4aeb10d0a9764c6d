//! One machine of the list, and what is known of it.

use std::time::{Duration, SystemTime};

use buildlet::BuildletUrl;
use buildlet::protocol::Lease;
use engine::{BuildId, HostType, LeaseId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Holder, Seen, SeenMachine};

/// A machine.
#[derive(Debug)]
pub(super) struct UrlMachine {
    /// Where it is.
    pub(super) url: BuildletUrl,
    /// `host:port`, without the password.
    pub(super) name: String,
    /// What is known of it.
    pub(super) state: UrlState,
    /// Since when that is so.
    since: SystemTime,
    /// The agent that broke: a machine whose agent is still that one is not used. Go's agents cannot be told from one
    /// another, so that theirs is empty and they never come back.
    pub(super) broken: Option<Broken>,
}

/// How it broke.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    /// The instance of its agent; empty for Go's.
    pub(super) instance: String,
    /// What it did.
    pub(super) cause: String,
}

/// What is known of a machine.
#[derive(Debug)]
pub(super) enum UrlState {
    /// Nobody uses it.
    Idle,
    /// An earlier life holds it, and it waits to be adopted.
    Held(HeldUrl),
    /// A lease holds it, or tries to.
    Claimed {
        /// As what it was asked for.
        host_type: HostType,
        /// Which of the two.
        seen: Seen,
    },
    /// It is being cleaned.
    Cleaning,
    /// It did not answer as it should.
    Down {
        /// Why.
        cause: String,
        /// When it is tried again.
        again: Instant,
    },
}

/// A lease as it is written down for the next life.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HeldUrl {
    /// As the engine numbers it.
    pub(super) lease: LeaseId,
    /// As the machine knows it.
    pub(super) number: Lease,
    /// The build's.
    pub(super) build: BuildId,
    /// The machine's.
    pub(super) name: String,
    /// The instance of the agent that was leased.
    pub(super) instance: String,
}

impl UrlMachine {
    pub(super) fn new(url: BuildletUrl) -> UrlMachine {
        UrlMachine { name: url.authority(), url, state: UrlState::Idle, since: SystemTime::now(), broken: None }
    }

    /// It is something else from now on; what it was.
    pub(super) fn turn(&mut self, state: UrlState) -> UrlState {
        self.since = SystemTime::now();
        std::mem::replace(&mut self.state, state)
    }

    /// As people see it.
    pub(super) fn seen(&self) -> SeenMachine {
        let (host_type, state) = match &self.state {
            UrlState::Idle => (HostType::new(), Seen::Free),
            UrlState::Held(held) => (HostType::new(), Seen::Waits(Holder { build: held.build, lease: held.lease })),
            UrlState::Claimed { host_type, seen } => (host_type.clone(), seen.clone()),
            UrlState::Cleaning => (HostType::new(), Seen::Leaving { broken: None }),
            UrlState::Down { cause, .. } => (HostType::new(), Seen::Down(cause.clone())),
        };
        SeenMachine { name: self.name.clone(), host_type, state, since: self.since }
    }

    /// Whether it may be tried now.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        match &self.state {
            UrlState::Idle => true,
            UrlState::Down { again, .. } => *again <= now,
            UrlState::Held(_) | UrlState::Claimed { .. } | UrlState::Cleaning => false,
        }
    }

    pub(super) fn down(&mut self, cause: String, retry: Duration) {
        self.turn(UrlState::Down { cause, again: Instant::now() + retry });
    }

    /// Why it is not used as the agent of this instance, if it is not.
    pub(super) fn refuses(&self, instance: &str) -> Option<&str> {
        let broken = self.broken.as_ref()?;
        let restarted = !broken.instance.is_empty() && broken.instance != instance;
        (!restarted).then_some(broken.cause.as_str())
    }
}
