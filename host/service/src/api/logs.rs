//! The streams of a build, and each of them alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use coordinator::streams::{EXEC, NOTES, ORDERED};
use engine::BuildId;
use http::HeaderMap;
use serde::Deserialize;

use super::extract::{Args, Build, InPath, build_id};
use super::log::{From, Wanted, answer};
use crate::facts::Known;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{self, LogPiece, LogStreams};

/// The streams of a build, and which machine each comes from
#[utoipa::path(
    get, path = "/builds/{id}/logs", tag = "logs", params(("id" = u64, Path, description = "its number")),
    responses((status = 200, body = LogStreams))
)]
pub(super) async fn streams(
    State(service): State<Arc<Service>>,
    Build(id): Build,
) -> Result<Json<LogStreams>, Problem> {
    streams_of(&service, &service.known(id).await?).await.map(Json)
}

/// The streams of a build.
pub(crate) async fn streams_of(service: &Service, known: &Known) -> Result<LogStreams, Problem> {
    let infos = service.logs().streams(known.build().0).await?;
    Ok(known.look(|facts, _| view::streams(facts, infos)))
}

/// Which stream of which build.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    id: String,
    stream: String,
}

/// One stream of a build: what one exec printed, as it printed it
///
/// As `/log` in all else, also with `Accept: text/event-stream`.
#[utoipa::path(
    get, path = "/builds/{id}/logs/{stream}", tag = "logs",
    params(
        ("id" = u64, Path, description = "its number"),
        ("stream" = String, Path, description = "its name, as `/logs` has it"),
        From,
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
pub(super) async fn stream(
    State(service): State<Arc<Service>>,
    InPath(Which { id, stream }): InPath<Which>,
    Args(from): Args<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = build_id(&id)?;
    let known = service.known(id).await?;
    let name = stored_name(&service, id, &stream).await?;
    answer(Arc::clone(&service), Wanted { build: id, stream: &name, from: &from, headers: &headers }, known).await
}

/// The stream's name in the log store.
async fn stored_name(service: &Service, build: BuildId, stream: &str) -> Result<String, Problem> {
    if stream == ORDERED || stream == NOTES {
        return Ok(stream.to_owned());
    }
    let name = format!("{EXEC}{stream}");
    let infos = service.logs().streams(build.0).await?;
    if infos.iter().any(|info| info.name == name) {
        return Ok(name);
    }
    Err(Problem::not_found(
        format!("build {} has no stream `{stream}`", build.0),
        format!("/api/v1/builds/{}/logs lists those there are by now", build.0),
    ))
}
