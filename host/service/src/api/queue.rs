//! The builds that wait.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Args, page};
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildItem, live_item};

/// Builds of the answer, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Limit {
    /// How many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The queue.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Queue {
    /// How many builds wait.
    pub(crate) waiting: u64,
    /// How many have left the queue and not ended.
    pub(crate) running: u64,
    /// Those that go next, in order.
    pub(crate) next: Vec<BuildItem>,
}

/// The builds that wait for their turn
#[utoipa::path(get, path = "/queue", tag = "builds", params(Limit), responses((status = 200, body = Queue)))]
pub(super) async fn queue(
    State(service): State<Arc<Service>>,
    Args(limit): Args<Limit>,
) -> Result<Json<Queue>, Problem> {
    queue_now(&service, page(limit.limit, PAGE, MAX_PAGE)?).await.map(Json)
}

/// The queue as it is now.
pub(crate) async fn queue_now(service: &Service, limit: u32) -> Result<Queue, Problem> {
    let live = service.active()?.builds().len() as u64;
    let positions = service.positions();
    let mut waiting: Vec<_> = positions.iter().map(|(build, position)| (*position, *build)).collect();
    waiting.sort_unstable();
    let mut next = Vec::new();
    for (position, build) in waiting.iter().take(limit as usize) {
        let known = service.known(*build).await?;
        next.push(known.look(|facts, _| live_item(facts, &known.kept.submission, Some(*position))));
    }
    let queued = waiting.len() as u64;
    Ok(Queue { waiting: queued, running: live.saturating_sub(queued), next })
}
