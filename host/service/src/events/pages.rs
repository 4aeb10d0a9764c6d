//! That something changed, for pages that are open: they read what it is anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::Event;
use bytes::Bytes;
use coordinator::streams::ORDERED;
use engine::BuildId;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use logs::LogError;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;

use super::changes::Changes;
use crate::facts::{Known, Stage};
use crate::service::Service;

/// Changes within this time are one.
const GATHER: Duration = Duration::from_millis(250);
/// How often the overview is read again when nothing is committed: machines come and go without that.
const STILL: Duration = Duration::from_secs(5);
/// How often the overview of a process that drives nothing is read again.
const STANDBY: Duration = Duration::from_secs(2);
/// How long the log of a build may still grow when all that belongs to it is complete.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// `change`, whenever anything is committed, and every few seconds.
pub(crate) fn any_change(
    service: Arc<Service>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let stopping = service.stopping().clone();
    let committed = service.driven().map(|coordinator| coordinator.subscribe());
    stream::unfold((service, committed, place), |(service, mut committed, place)| async move {
        match &mut committed {
            Some(receiver) => match tokio::time::timeout(STILL, receiver.recv()).await {
                Err(_) => {}
                Ok(Err(RecvError::Closed)) => committed = None,
                Ok(_) => {
                    tokio::time::sleep(GATHER).await;
                    *receiver = receiver.resubscribe();
                }
            },
            None => {
                tokio::time::sleep(STANDBY).await;
                committed = service.driven().map(|coordinator| coordinator.subscribe());
            }
        }
        Some((told("change"), (service, committed, place)))
    })
    .take_until(stopping.cancelled_owned())
}

/// `change` when anything is committed of the build, `log` when its log grew, `end` when neither happens any more.
pub(crate) fn build_changes(
    service: Arc<Service>,
    known: &Known,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<> {
    let stopping = service.stopping().clone();
    let (build, seq) = (known.build(), known.look(|_, seq| seq));
    let changes = Changes::new(&service, build);
    let state =
        Watch { service, build, seq, changes, log: None, log_ended: false, stage: Stage::GoesOn, _place: place };
    stream::unfold(Some(state), |watch| async move {
        let mut watch = watch?;
        let event = watch.next().await;
        let next = (event != "end").then_some(watch);
        Some((told(event), next))
    })
    .take_until(stopping.cancelled_owned())
}

fn told(event: &'static str) -> Result<Event, Infallible> {
    Ok(Event::default().event(event).data("{}"))
}

/// A build that a page shows.
struct Watch {
    service: Arc<Service>,
    build: BuildId,
    seq: u64,
    changes: Changes,
    log: Option<BoxStream<'static, Result<Bytes, LogError>>>,
    /// Nothing comes of the log any more.
    log_ended: bool,
    stage: Stage,
    _place: OwnedSemaphorePermit,
}

impl Watch {
    async fn next(&mut self) -> &'static str {
        loop {
            if self.stage == Stage::Over {
                return self.last().await;
            }
            if self.moved().await {
                return "change";
            }
            if self.stage == Stage::Over {
                continue;
            }
            if self.log.is_none() {
                self.follow().await;
                if self.log.is_some() {
                    // It may have grown since the page was made.
                    return "log";
                }
            }
            let Some(log) = &mut self.log else {
                self.changes.next_or_look(self.stage == Stage::BeingCompleted).await;
                continue;
            };
            let grew = tokio::select! {
                _committed = self.changes.next_or_look(self.stage == Stage::BeingCompleted) => false,
                piece = log.next() => {
                    if !matches!(piece, Some(Ok(_))) {
                        // A log that cannot be followed is found out about by the build's end.
                        *log = Box::pin(stream::pending());
                        self.log_ended = true;
                    }
                    true
                }
            };
            tokio::time::sleep(GATHER).await;
            if grew {
                return "log";
            }
        }
    }

    /// Whether anything was committed since the last look.
    async fn moved(&mut self) -> bool {
        let Ok(known) = self.service.known(self.build).await else { return false };
        let seq = known.look(|_, seq| seq);
        self.stage = known.stage();
        let moved = seq != self.seq;
        self.seq = seq;
        moved
    }

    /// Follows the log from where it ends now.
    async fn follow(&mut self) {
        if let Ok(now) = self.service.logs().read(self.build.0, ORDERED, 0, 0).await {
            self.log = Some(Box::pin(self.service.logs().follow(self.build.0, ORDERED, now.end)));
        }
    }

    /// What may still come of the log of a build that is over.
    async fn last(&mut self) -> &'static str {
        let Some(log) = self.log.as_mut().filter(|_| !self.log_ended) else { return "end" };
        match tokio::time::timeout(LAST_BYTES, log.next()).await {
            Ok(Some(Ok(_))) => "log",
            Ok(_) | Err(_) => "end",
        }
    }
}
