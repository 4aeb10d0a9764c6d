//! The right to drive builds: of all coordinators over one store one has it, and renews it.

use std::time::Duration;

use anyhow::Context;
use store::{Cause, Epoch, Store};

/// The scope of services' epochs.
const SCOPE: &str = "coordinator";

/// Waits until the right can be taken.
///
/// # Errors
/// The store cannot be asked.
pub(super) async fn take(store: &Store, holder: &str, takeover: Duration) -> anyhow::Result<Epoch> {
    let mut told = false;
    loop {
        match store.take_over(SCOPE, holder, takeover).await {
            Ok(Some(epoch)) => return Ok(epoch),
            Ok(None) if !told => {
                told = true;
                tracing::warn!("another coordinator drives the builds of this store: standing by");
            }
            Ok(None) => {}
            Err(error) if told => tracing::warn!(%error, "the store cannot be asked: standing by"),
            Err(error) => return Err(error).context("failed to claim the right to drive builds"),
        }
        tokio::time::sleep(takeover / 5).await;
    }
}

/// Renews the right until it is lost; then this returns.
pub(super) async fn keep(store: Store, epoch: Epoch, takeover: Duration) {
    let mut renew = tokio::time::interval(takeover / 5);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        renew.tick().await;
        match store.renew_epoch(&epoch).await {
            Ok(()) => {}
            Err(error) if error.cause() == Cause::Superseded => {
                tracing::error!("another coordinator has taken over");
                return;
            }
            // Whoever takes over meanwhile is found out by the next commit.
            Err(error) => tracing::warn!(%error, "the right to drive builds could not be renewed; trying again"),
        }
    }
}
