//! The ordered log of a build: all of it, a part, or as it grows.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use coordinator::streams::ORDERED;
use engine::BuildId;
use futures::stream;
use http::{HeaderMap, StatusCode, header};
use logs::{Chunk, LogError};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::events::last_id;
use super::extract::{Args, Build};
use super::range::part;
use super::reports::framed;
use crate::events::{follow, log_events};
use crate::facts::{Known, Stage};
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::view::LogPiece;

/// Bytes read at once.
const PIECE: usize = 256 << 10;
/// How long the end of the log of a build that has just ended is waited for, and how often it is looked for.
const COMPLETED_WITHIN: Duration = Duration::from_secs(10);
const COMPLETION_LOOK: Duration = Duration::from_millis(20);
/// The header that says whether more may come.
pub(super) const FINISHED: &str = "muster-log-finished";

/// Which part, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// From this byte on. `Range`, and `Last-Event-ID` of an event stream, say it too.
    #[param(minimum = 0)]
    offset: Option<u64>,
    /// 1: go on until nothing more comes.
    #[param(minimum = 0, maximum = 1)]
    follow: Option<u8>,
    /// 1: as the builder frames the log of a build that is over; only of the ordered log.
    #[param(minimum = 0, maximum = 1)]
    framed: Option<u8>,
}

/// The ordered log of a build: output appears in listed order
///
/// With `Accept: text/event-stream` it comes as events `log` with `{"offset", "text"}`, whose ids are the offsets after
/// them, and `end` when nothing more comes. Otherwise as bytes, as the commands printed them.
#[utoipa::path(
    get, path = "/builds/{id}/log", tag = "logs",
    params(
        ("id" = u64, Path, description = "its number"), From,
        ("Range" = Option<String>, Header, description = "one range of bytes"),
        ("Last-Event-ID" = Option<u64>, Header, description = "the last id that was seen")
    ),
    responses(
        (
            status = 200, description = "all of it, from the offset on: as bytes, or as events",
            content((String = "text/plain"), (LogPiece = "text/event-stream"))
        ),
        (status = 206, description = "the range", body = String, content_type = "text/plain")
    )
)]
pub(super) async fn log(
    State(service): State<Arc<Service>>,
    Build(id): Build,
    Args(from): Args<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = service.known(id).await?;
    if from.framed == Some(1) {
        return framed(&service, known).await;
    }
    answer(service, Wanted { build: id, stream: ORDERED, from: &from, headers: &headers }, known).await
}

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) build: BuildId,
    pub(super) stream: &'a str,
    pub(super) from: &'a From,
    pub(super) headers: &'a HeaderMap,
}

/// Answers with a stream, as it was asked for.
pub(super) async fn answer(service: Arc<Service>, wanted: Wanted<'_>, known: Known) -> Result<Response, Problem> {
    let Wanted { build, stream, from, headers } = wanted;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.split(',').any(|kind| kind.trim().starts_with("text/event-stream")) {
        let after = last_id(headers)?.or(from.offset).unwrap_or(0);
        let place = service.stream_place()?;
        let keep_alive = KeepAlive::new().interval(service.settings().keep_alive);
        let stopping = service.stopping().clone();
        let events = log_events(follow(service, build, stream, after, place), after, stopping);
        return Ok(Sse::new(events).keep_alive(keep_alive).into_response());
    }
    if from.follow == Some(1) {
        let place = service.stream_place()?;
        let pieces = follow(service, build, stream, from.offset.unwrap_or(0), place);
        return Ok(([(header::CONTENT_TYPE, TEXT)], Body::from_stream(pieces)).into_response());
    }
    let (now, stage, known) = as_it_is(&service, build, stream, known).await?;
    if now.end == 0 && !now.finished && !known.has_ended() {
        return Err(Problem::new(
            Kind::NotYet,
            format!("build {} has not printed anything yet: it is in the phase `{}`", build.0, known.phase()),
            "come again, or follow the log with `?follow=1`",
        ));
    }
    let part = part(headers, from.offset, now.end)?;
    let finished = if now.finished || stage == Stage::Over { "true" } else { "false" };
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, TEXT)
        .header(header::CONTENT_LENGTH, part.to - part.from)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(FINISHED, finished);
    if part.is_range {
        let range = format!("bytes {}-{}/{}", part.from, part.to - 1, now.end);
        response = response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
    }
    let body = Body::from_stream(pieces(service, build, stream, part.from, part.to));
    response.body(body).map_err(|error| Problem::internal(error.to_string()))
}

/// A stream and its build as they are now. Where the build has just ended its end is waited for: who saw that it is over
/// finds all of its log. Of one in the stage `Over` all of the stream was there when it was looked for.
pub(super) async fn as_it_is(
    service: &Arc<Service>,
    build: BuildId,
    stream: &str,
    mut known: Known,
) -> Result<(Chunk, Stage, Known), Problem> {
    let until = Instant::now() + COMPLETED_WITHIN;
    loop {
        let stage = known.stage();
        let now = service.logs().read(build.0, stream, 0, 0).await?;
        if now.finished || stage != Stage::BeingCompleted || Instant::now() > until {
            return Ok((now, stage, known));
        }
        tokio::time::sleep(COMPLETION_LOOK).await;
        known = service.known(build).await?;
    }
}

/// Commands may print anything; what is not UTF-8 is for the reader to deal with.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A part of a stream, read piece by piece.
pub(super) fn pieces(
    service: Arc<Service>,
    build: BuildId,
    stream: &str,
    from: u64,
    to: u64,
) -> impl futures::Stream<Item = Result<Bytes, LogError>> + Send + use<> {
    let name = stream.to_owned();
    stream::try_unfold((service, name, from), move |(service, name, at)| async move {
        let left = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let piece = service.logs().read(build.0, &name, at, left.min(PIECE)).await?.bytes;
        if piece.is_empty() {
            return Ok(None);
        }
        let next = at + piece.len() as u64;
        service.metrics().log_read(piece.len() as u64);
        Ok(Some((piece, (service, name, next))))
    })
}
