//! What happens in a build, as server-sent events whose ids are the numbers of its records.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::Event;
use engine::{BuildId, Fact, Record};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::OwnedSemaphorePermit;

use super::changes::Changes;
use crate::facts::record;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::event;

/// Records read from the store at once.
const PAGE: u32 = 500;

struct Follower {
    service: Arc<Service>,
    build: BuildId,
    seq: u64,
    changes: Changes,
    waiting: VecDeque<(u64, Record)>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// Everything after record `after`, until the build is over or the server stops.
pub(crate) fn status_events(
    service: Arc<Service>,
    build: BuildId,
    after: u64,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let stopping = service.stopping().clone();
    let changes = Changes::new(&service, build);
    let follower =
        Follower { service, build, seq: after, changes, waiting: VecDeque::new(), over: false, _place: place };
    stream::unfold(follower, |mut follower| async move {
        match follower.next().await {
            Ok(event) => event.map(|event| (Ok(event), follower)),
            Err(problem) => {
                // The client comes again with the last id that it saw.
                tracing::warn!("an event stream ends early: {}", problem.body().detail);
                None
            }
        }
    })
    .take_until(stopping.cancelled_owned())
}

impl Follower {
    async fn next(&mut self) -> Result<Option<Event>, Problem> {
        loop {
            while let Some((seq, record)) = self.waiting.pop_front() {
                self.seq = seq;
                self.over = matches!(record.fact, Fact::Ended { .. });
                if let Some(event) = self.event(seq, &record).await? {
                    return Ok(Some(event));
                }
            }
            if self.over {
                return Ok(None);
            }
            // Asked first: a record is in the store before the build is known by it.
            let ended = self.service.known(self.build).await?.has_ended();
            self.read().await?;
            if !self.waiting.is_empty() {
                continue;
            }
            if ended {
                return Ok(None);
            }
            if let Some(committed) = self.changes.next().await
                && committed.seq == self.seq + 1
            {
                self.waiting.push_back((committed.seq, committed.record.clone()));
            }
        }
    }

    async fn read(&mut self) -> Result<(), Problem> {
        for (seq, json) in self.service.store().records_after(self.build, self.seq, PAGE).await? {
            self.waiting.push_back((seq, record(self.build, &json)?));
        }
        Ok(())
    }

    /// A record as an event. What the build is known to be now names what its record means.
    async fn event(&self, seq: u64, record: &Record) -> Result<Option<Event>, Problem> {
        let known = self.service.known(self.build).await?;
        let Some(event) = known.look(|facts, _| event(facts, record)) else { return Ok(None) };
        let sent = Event::default().id(seq.to_string()).event(event.what.name()).json_data(&event);
        sent.map(Some).map_err(|error| Problem::internal(format!("an event cannot be written: {error}")))
    }
}
