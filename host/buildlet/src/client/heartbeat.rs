//! Watches a peer: a `/status` now and then, and death after several missed in a row.

use std::sync::Arc;

use http::Method;

use super::{
    error::{CallFailure, FailureKind},
    request::{Call, Shared},
};

/// Most bytes of a heartbeat's answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The peer is dead: it missed its heartbeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// How many it missed, and what the last one said.
    pub detail: String,
}

impl Death {
    pub(crate) fn failure(&self, call: &'static str) -> CallFailure {
        CallFailure { call, kind: FailureKind::LostHeartbeat, detail: self.detail.clone() }
    }
}

/// Beats until the peer is dead; ends with its death.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let settings = &shared.settings;
    let mut misses = 0;
    loop {
        tokio::time::sleep(settings.heartbeat_every).await;
        let beat = tokio::time::timeout(settings.heartbeat_timeout, beat_once(&shared)).await;
        let missed = match beat {
            Ok(Ok(())) => {
                misses = 0;
                continue;
            }
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => format!("no answer within {:?}", settings.heartbeat_timeout),
        };
        misses += 1;
        tracing::debug!(misses, missed, "heartbeat missed");
        if misses >= settings.heartbeat_misses {
            let detail = format!("missed {misses} heartbeats in a row, the last one: {missed}");
            shared.death.send_replace(Some(Death { detail }));
            shared.idle.clear();
            return;
        }
    }
}

async fn beat_once(shared: &Arc<Shared>) -> Result<(), CallFailure> {
    let call = Call::new("/status", Method::GET, "");
    let answer = shared.send_unwatched(call, shared.settings.heartbeat_timeout).await?;
    answer.read(MAX_ANSWER_BYTES).await.map(drop)
}
