//! The client itself: one buildlet, its heartbeat, and what it can do.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use http::Method;
use tokio_util::task::AbortOnDropHandle;

use super::{
    ClientSettings, Death,
    error::{CallFailure, FailureKind, chain},
    heartbeat,
    request::{Call, Shared},
};
use crate::{
    BuildletUrl,
    protocol::{Extensions, Lease, Status},
};

/// A buildlet. Clones share connections, heartbeat and lease; the heartbeat stops with the last of them.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    owner: Arc<Owner>,
}

struct Owner {
    url: BuildletUrl,
    status: Status,
    lease: Mutex<Option<Lease>>,
    _heartbeat: AbortOnDropHandle<()>,
}

impl Client {
    /// Asks a buildlet for its status and begins to watch it.
    ///
    /// # Errors
    /// If it cannot be reached, is not the one expected, or does not let us in.
    pub async fn connect(url: &BuildletUrl, settings: ClientSettings) -> Result<Self, CallFailure> {
        let shared = Arc::new(Shared::new(url, settings)?);
        let status = ask_status(&shared).await?;
        let heartbeat = AbortOnDropHandle::new(tokio::spawn(heartbeat::watch(Arc::clone(&shared))));
        let owner = Owner { url: url.clone(), status, lease: Mutex::new(None), _heartbeat: heartbeat };
        Ok(Client { shared, owner: Arc::new(owner) })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &BuildletUrl {
        &self.owner.url
    }

    /// What it said of itself when it was connected to.
    #[must_use]
    pub fn peer(&self) -> &Status {
        &self.owner.status
    }

    /// Muster's additions, if the peer has them.
    #[must_use]
    pub fn extensions(&self) -> Option<&Extensions> {
        self.owner.status.muster.as_ref().filter(|extensions| extensions.version >= 1)
    }

    /// Names the lease all later calls are made under; ignored by peers without the additions.
    pub fn set_lease(&self, lease: Lease) {
        *self.owner.lease.lock().expect("no holder of this lock can panic") = Some(lease);
    }

    /// The lease calls are made under, where the peer knows leases.
    pub(crate) fn lease(&self) -> Option<Lease> {
        self.extensions()?;
        *self.owner.lease.lock().expect("no holder of this lock can panic")
    }

    /// Waits until the peer is dead.
    pub async fn death(&self) -> Death {
        self.shared.died().await
    }

    /// The death, if the peer is dead already.
    #[must_use]
    pub fn is_dead(&self) -> Option<Death> {
        self.shared.death.borrow().clone()
    }

    /// Asks for the status anew.
    ///
    /// # Errors
    /// If there is no good answer.
    pub async fn status(&self) -> Result<Status, CallFailure> {
        ask_status(&self.shared).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.owner.url).finish_non_exhaustive()
    }
}

async fn ask_status(shared: &Arc<Shared>) -> Result<Status, CallFailure> {
    let call = Call::new("/status", Method::GET, "");
    let answer = shared.send(call, shared.settings.head).await?;
    let text = answer.read(shared.settings.max_answer_bytes).await?;
    serde_json::from_slice(&text).map_err(|error| CallFailure {
        call: "/status",
        kind: FailureKind::Broken,
        detail: chain(&error),
    })
}
