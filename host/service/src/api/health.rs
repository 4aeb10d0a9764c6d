//! Whether the server lives, and whether it can serve.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use snapshot::blob::BlobKey;
use utoipa::ToSchema;

use crate::service::Service;

/// A blob that nobody writes: that it is not there is an answer.
const NO_BLOB: &str = "readyz/probe";

/// The server lives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
    /// The version that runs.
    version: &'static str,
    /// Since when, in milliseconds since 1970.
    started_ms: u64,
}

/// Whether the server can serve, and what keeps it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// It can.
    ready: bool,
    /// What it is to the builds: `starting`, `active` or `standby`.
    standing: &'static str,
    /// The store of builds: `ok`, or what is wrong.
    store: String,
    /// The store of blobs: `ok`, or what is wrong.
    blobs: String,
}

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "server", security(()), responses((status = 200, body = Health)))]
pub(super) async fn healthz(State(service): State<Arc<Service>>) -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), started_ms: service.started_ms() })
}

/// Whether requests can be served, and what is in the way
#[utoipa::path(
    get, path = "/readyz", tag = "server", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub(super) async fn readyz(State(service): State<Arc<Service>>) -> (StatusCode, Json<Readiness>) {
    let standing = service.standing().word();
    let told = |result: Result<(), String>| result.err().unwrap_or_else(|| "ok".to_owned());
    let (store, blobs) = tokio::join!(probe_store(&service), probe_blobs(&service));
    let ready = store.is_ok() && blobs.is_ok() && standing != "starting";
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, standing, store: told(store), blobs: told(blobs) }))
}

async fn probe_store(service: &Service) -> Result<(), String> {
    service.store().request(NO_BLOB).await.map(drop).map_err(|error| error.to_string())
}

async fn probe_blobs(service: &Service) -> Result<(), String> {
    let key = BlobKey::new(NO_BLOB).map_err(|error| error.to_string())?;
    service.blobs().head(&key).await.map(drop).map_err(|error| error.to_string())
}
