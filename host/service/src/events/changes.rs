//! Waiting for something to happen in a build.

use std::sync::Arc;
use std::time::Duration;

use coordinator::Committed;
use engine::BuildId;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::service::Service;

/// How often the store is asked about builds that another process drives.
const POLL: Duration = Duration::from_secs(1);
/// How often it is looked whether all that belongs to a build that has ended is complete.
const COMPLETION_LOOK: Duration = Duration::from_millis(250);

/// What is committed of one build from now on.
pub(super) struct Changes {
    build: BuildId,
    committed: Option<Receiver<Arc<Committed>>>,
}

impl Changes {
    pub(super) fn new(service: &Service, build: BuildId) -> Changes {
        let driven = service.driven().filter(|coordinator| coordinator.build(build).is_some());
        Changes { build, committed: driven.map(|coordinator| coordinator.subscribe()) }
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

    /// The same. Of a build that is being completed nothing more is committed: it is to be looked at again soon.
    pub(super) async fn next_or_look(&mut self, is_being_completed: bool) -> Option<Arc<Committed>> {
        if is_being_completed {
            return tokio::time::timeout(COMPLETION_LOOK, self.next()).await.unwrap_or(None);
        }
        self.next().await
    }
}
