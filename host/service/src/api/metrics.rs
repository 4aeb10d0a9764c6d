//! Numbers for Prometheus.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header;

use crate::identity::{Scope, authorize};
use crate::problem::Problem;
use crate::service::Service;
use crate::settings::MetricsAccess;

/// The media type of Prometheus's text.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Numbers for Prometheus
///
/// Needs a token that may read, unless the server is set to show them to everybody.
#[utoipa::path(
    get, path = "/metrics", tag = "server", security((), ("token" = ["read"])),
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"))
)]
pub(super) async fn metrics(State(service): State<Arc<Service>>, request: Request) -> Result<Response, Problem> {
    if service.settings().metrics == MetricsAccess::Token {
        authorize(&service, request.method(), request.headers(), Scope::Read).await?;
    }
    let builds = service.driven();
    let text = service.metrics().text(builds.as_deref(), service.open_streams());
    let text = text.map_err(|error| Problem::internal(format!("the metrics cannot be written: {error}")))?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}
