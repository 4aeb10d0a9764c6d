//! Whether anybody still waits for what is being granted.

use std::future::Future;

use tokio_util::sync::CancellationToken;

use crate::{Granted, PoolError};

/// Grants, unless the pool stops or whoever asked gives up first.
pub(crate) async fn while_wanted(
    stopped: &CancellationToken,
    cancel: &CancellationToken,
    granting: impl Future<Output = Result<Granted, PoolError>>,
) -> Result<Granted, PoolError> {
    tokio::select! {
        biased;
        () = stopped.cancelled() => Err(PoolError::ShutDown),
        () = cancel.cancelled() => Err(PoolError::Canceled),
        granted = granting => granted,
    }
}

/// Ends a lease that was granted to a request which is no more: done when it is dropped, unless it was told that the
/// lease is wanted.
pub(crate) struct EndUnlessWanted<F: FnOnce()> {
    end: Option<F>,
}

impl<F: FnOnce()> EndUnlessWanted<F> {
    pub(crate) fn new(end: F) -> EndUnlessWanted<F> {
        EndUnlessWanted { end: Some(end) }
    }

    /// The request has its lease.
    pub(crate) fn wanted(mut self) {
        self.end = None;
    }
}

impl<F: FnOnce()> Drop for EndUnlessWanted<F> {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_what_nobody_wants_is_ended() {
        let ended = Cell::new(0);
        let end = || ended.set(ended.get() + 1);
        EndUnlessWanted::new(end).wanted();
        assert_eq!(ended.get(), 0);
        drop(EndUnlessWanted::new(end));
        assert_eq!(ended.get(), 1);
    }

    #[tokio::test]
    async fn a_pool_that_stops_is_told_before_all_else() {
        let (stopped, cancel) = (CancellationToken::new(), CancellationToken::new());
        let granting = || async { Err(PoolError::Canceled) };
        assert!(matches!(while_wanted(&stopped, &cancel, granting()).await, Err(PoolError::Canceled)));
        stopped.cancel();
        assert!(matches!(while_wanted(&stopped, &cancel, granting()).await, Err(PoolError::ShutDown)));
    }
}
