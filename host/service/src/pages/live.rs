//! How an open page learns that it has changed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};

use crate::api::Build;
use crate::events::{any_change, build_changes};
use crate::problem::Problem;
use crate::service::Service;

/// Says whenever anything happens in any build.
pub(super) async fn overview(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let (place, pause) = (service.stream_place()?, service.settings().keep_alive);
    Ok(Sse::new(any_change(service, place)).keep_alive(KeepAlive::new().interval(pause)).into_response())
}

/// Says whenever anything happens in a build, and when its log grows.
pub(super) async fn build(State(service): State<Arc<Service>>, Build(id): Build) -> Result<Response, Problem> {
    let known = service.known(id).await?;
    let (place, pause) = (service.stream_place()?, service.settings().keep_alive);
    Ok(Sse::new(build_changes(service, &known, place)).keep_alive(KeepAlive::new().interval(pause)).into_response())
}
