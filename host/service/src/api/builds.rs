//! Builds: one, and many.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use engine::BuildId;
use serde::Deserialize;
use store::{BuildQuery, BuildRow};
use utoipa::IntoParams;

use super::extract::{Args, Build, page};
use crate::facts::{Known, read_kept};
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{self, BuildItem, BuildView, BuildsPage, OutcomeWord, ended_item, live_item};

/// Builds of a page, unless asked otherwise, and at most.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

/// Which builds.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Of this project only.
    pub(crate) project: Option<String>,
    /// By this builder only.
    pub(crate) builder: Option<String>,
    /// With this result only.
    pub(crate) outcome: Option<OutcomeWord>,
    /// Those that have not ended (true), or those that have (false).
    pub(crate) running: Option<bool>,
    /// Older than this one: `next` of the page before.
    #[param(minimum = 0)]
    pub(crate) before: Option<u64>,
    /// How many.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// Builds, newest first
#[utoipa::path(get, path = "/builds", operation_id = "builds", tag = "builds", params(Filter), responses((status = 200, body = BuildsPage)))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    Args(filter): Args<Filter>,
) -> Result<Json<BuildsPage>, Problem> {
    builds_page(&service, filter).await.map(Json)
}

/// The builds that fit, newest first.
pub(crate) async fn builds_page(service: &Service, filter: Filter) -> Result<BuildsPage, Problem> {
    let limit = page(filter.limit, PAGE, MAX_PAGE)?;
    let before = filter.before.map(|before| BuildId(before.min(i64::MAX.cast_unsigned())));
    let query = BuildQuery {
        project: filter.project,
        builder: filter.builder,
        outcome: filter.outcome.map(|outcome| outcome.word().to_owned()),
        running: filter.running,
        before,
        // One more says whether there is a next page.
        limit: limit + 1,
    };
    let mut rows = service.store().builds(&query).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.header.build.0);
    let (mut builds, positions) = (Vec::with_capacity(rows.len()), service.positions());
    for row in &rows {
        builds.push(item(service, row, positions.get(&row.header.build).copied()).await?);
    }
    Ok(BuildsPage { builds, next })
}

async fn item(service: &Service, row: &BuildRow, position: Option<u64>) -> Result<BuildItem, Problem> {
    let submission = read_kept(row.header.build, &row.header.submission)?.submission;
    if row.ended.is_some() {
        return Ok(ended_item(row, &submission));
    }
    let known = service.known(row.header.build).await?;
    Ok(known.look(|facts, _| live_item(facts, &submission, position)))
}

/// A build
#[utoipa::path(
    get, path = "/builds/{id}", tag = "builds", params(("id" = u64, Path, description = "its number")),
    responses((status = 200, body = BuildView))
)]
pub(super) async fn get(State(service): State<Arc<Service>>, Build(id): Build) -> Result<Json<BuildView>, Problem> {
    Ok(Json(view(&service, &service.known(id).await?)))
}

/// A build in full.
pub(crate) fn view(service: &Service, known: &Known) -> BuildView {
    let position = service.positions().get(&known.build()).copied();
    known.look(|facts, seq| view::build(facts, seq, position, &known.kept))
}
