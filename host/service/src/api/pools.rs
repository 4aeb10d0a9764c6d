//! Where machines come from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ports::PoolView;
use crate::service::Service;

/// Every pool.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pools {
    /// By name.
    pools: Vec<PoolView>,
}

/// The pools, and what their machines do
#[utoipa::path(get, path = "/pools", tag = "server", responses((status = 200, body = Pools)))]
pub(super) async fn pools(State(service): State<Arc<Service>>) -> Json<Pools> {
    Json(Pools { pools: service.pools().await })
}
