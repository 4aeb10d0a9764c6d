//! What happens in a build, as it happens.

use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Args, Build};
use crate::events::status_events;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::view::BuildEvent;

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// Go on after this record; `Last-Event-ID` goes before it.
    #[param(minimum = 0)]
    after: Option<u64>,
}

/// What happens in a build, as server-sent events
///
/// The id of each is the number of its record: a client that lost the connection sends the last as `Last-Event-ID` and
/// misses nothing. After `ended` the stream is over.
#[utoipa::path(
    get, path = "/builds/{id}/events", tag = "builds",
    params(
        ("id" = u64, Path, description = "its number"), From,
        ("Last-Event-ID" = Option<u64>, Header, description = "the last id that was seen")
    ),
    responses((status = 200, body = BuildEvent, content_type = "text/event-stream"))
)]
pub(super) async fn events(
    State(service): State<Arc<Service>>,
    Build(id): Build,
    Args(from): Args<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    service.known(id).await?;
    let after = last_id(&headers)?.or(from.after).unwrap_or(0);
    let place = service.stream_place()?;
    let keep_alive = KeepAlive::new().interval(service.settings().keep_alive);
    let events = status_events(service, id, after.min(i64::MAX.cast_unsigned()), place);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// The number that a client saw last.
pub(super) fn last_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::new(Kind::BadRequest, "`Last-Event-ID` is not a number", "send the id of the last event that was seen")
    })
}
