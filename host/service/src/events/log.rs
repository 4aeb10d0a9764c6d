//! A log as it grows: as bytes, or as server-sent events whose ids are byte offsets.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::Event;
use bytes::Bytes;
use engine::BuildId;
use futures::{Stream, StreamExt as _, stream};
use logs::LogError;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::changes::Changes;
use super::letters::Letters;
use crate::facts::Stage;
use crate::service::Service;
use crate::view::LogPiece;

/// How long a log may still grow when all that belongs to its build is complete. One that was not finished then never
/// will be: its writer was killed.
const LAST_BYTES: Duration = Duration::from_secs(5);

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, LogError>> + Send>>;

struct Follower {
    service: Arc<Service>,
    build: BuildId,
    pieces: Pieces,
    changes: Changes,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// A log from an offset on, until nothing more comes or the server stops.
pub(crate) fn follow(
    service: Arc<Service>,
    build: BuildId,
    stream: &str,
    from: u64,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, LogError>> + Send + use<> {
    let stopping = service.stopping().clone();
    let pieces: Pieces = Box::pin(service.logs().follow(build.0, stream, from));
    let changes = Changes::new(&service, build);
    let follower = Follower { service, build, pieces, changes, over: false, _place: place };
    stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((piece, follower))
    })
    .take_until(stopping.cancelled_owned())
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Bytes, LogError>> {
        let piece = self.piece().await;
        if let Some(Ok(bytes)) = &piece {
            self.service.metrics().log_read(bytes.len() as u64);
        }
        piece
    }

    async fn piece(&mut self) -> Option<Result<Bytes, LogError>> {
        while !self.over {
            let stage = self.service.known(self.build).await.ok().map(|known| known.stage());
            self.over = stage == Some(Stage::Over);
            if self.over {
                break;
            }
            tokio::select! {
                piece = self.pieces.next() => return piece,
                _committed = self.changes.next_or_look(stage == Some(Stage::BeingCompleted)) => {}
            }
        }
        tokio::time::timeout(LAST_BYTES, self.pieces.next()).await.unwrap_or(None)
    }
}

/// The same as events: `log` with `{"offset", "text"}`, its id the offset after it, and `end` when nothing more comes.
pub(crate) fn log_events(
    pieces: impl Stream<Item = Result<Bytes, LogError>> + Send,
    from: u64,
    stopping: CancellationToken,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let end = stream::once(async { None });
    let state = (Letters::default(), from);
    pieces
        .map(Some)
        .chain(end)
        .scan(state, move |(letters, at), piece| {
            let event = match piece {
                Some(Ok(bytes)) => log_event(at, letters.push(&bytes)),
                // Only a whole log ends in `end`: the client comes again after anything else.
                None if stopping.is_cancelled() => None,
                Some(Err(error)) => {
                    tracing::warn!("a followed log ends early: {error}");
                    None
                }
                None => {
                    let mut last: Vec<Event> = log_event(at, letters.end()).into_iter().flatten().collect();
                    last.push(Event::default().id(at.to_string()).event("end").data("{}"));
                    Some(last)
                }
            };
            std::future::ready(event)
        })
        .flat_map(|events| stream::iter(events.into_iter().map(Ok)))
}

/// The events of a decoded piece: none if all of it waits for the rest of a letter.
fn log_event(at: &mut u64, (text, bytes): (String, usize)) -> Option<Vec<Event>> {
    if bytes == 0 {
        return Some(Vec::new());
    }
    let offset = *at;
    *at += bytes as u64;
    let event = Event::default().id(at.to_string()).event("log").json_data(LogPiece { offset, text });
    // Text and a number are always written.
    Some(event.into_iter().collect())
}
