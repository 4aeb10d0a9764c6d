//! Who did what, and when: reloads, swaps, tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use coordinator::now;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::ServiceEvent;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Args, page};
use crate::problem::Problem;
use crate::service::Service;
use crate::view::unix_ms;

/// Events of a page, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Older than this one: `next` of the page before.
    before: Option<i64>,
    /// How many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Something that was done to the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// Its number.
    id: i64,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// Who did it.
    pub(crate) who: String,
    /// What: `token-created`, `plugins-reloaded` and the like.
    pub(crate) kind: String,
    /// To what.
    pub(crate) subject: String,
    /// What else is known.
    pub(crate) detail: Value,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsPage {
    /// Newest first.
    pub(crate) events: Vec<EventView>,
    /// Give this as `before` for the next page; null if this is the last.
    pub(crate) next: Option<i64>,
}

/// Who did what to the server, newest first
#[utoipa::path(get, path = "/events", operation_id = "server_events", tag = "server", params(Filter), responses((status = 200, body = EventsPage)))]
pub(super) async fn events(
    State(service): State<Arc<Service>>,
    Args(filter): Args<Filter>,
) -> Result<Json<EventsPage>, Problem> {
    events_page(&service, filter).await.map(Json)
}

/// The events that fit, newest first.
pub(crate) async fn events_page(service: &Service, filter: Filter) -> Result<EventsPage, Problem> {
    let limit = page(filter.limit, PAGE, MAX_PAGE)?;
    let mut rows = service.store().events(filter.before, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|(id, _)| *id);
    let event = |(id, event): (i64, ServiceEvent)| EventView {
        id,
        at_ms: unix_ms(event.at),
        who: event.who,
        kind: event.kind,
        subject: event.subject,
        detail: serde_json::from_str(&event.detail_json).unwrap_or_default(),
    };
    Ok(EventsPage { events: rows.into_iter().map(event).collect(), next })
}

/// Writes down what was done.
pub(super) async fn note(
    service: &Service,
    who: &str,
    kind: &str,
    subject: &str,
    detail: &Value,
) -> Result<(), Problem> {
    let event = ServiceEvent {
        at: now(),
        who: who.to_owned(),
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        detail_json: detail.to_string(),
    };
    service.store().add_event(&event).await?;
    Ok(())
}
