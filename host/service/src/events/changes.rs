//! Waiting for something to happen in a build.

use std::sync::Arc;
use std::time::Duration;

use coordinator::Committed;
use engine::BuildId;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::service::Service;

/// How often the store is asked about builds that another coordinator drives.
const POLL: Duration = Duration::from_secs(1);

/// What is committed of one build from now on.
pub(super) struct Changes {
    build: BuildId,
    committed: Option<Receiver<Arc<Committed>>>,
}

impl Changes {
    pub(super) fn new(service: &Service, build: BuildId) -> Changes {
        Changes { build, committed: service.driven().map(|coordinator| coordinator.subscribe()) }
    }

    /// The next thing that was committed; none if something may have been, and the store knows what.
    pub(super) async fn next(&mut self) -> Option<Arc<Committed>> {
        let Some(committed) = &mut self.committed else {
            tokio::time::sleep(POLL).await;
            return None;
        };
        loop {
            match committed.recv().await {
                Ok(committed) if committed.build == self.build => return Some(committed),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return None,
                Err(RecvError::Closed) => {
                    self.committed = None;
                    return None;
                }
            }
        }
    }
}
