//! Plugins, and the builders that come from them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::InPath;
use crate::identity::Identity;
use crate::ports::{BuilderView, PlanRefused, PluginView, ReloadReport};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Every builder.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Builders {
    /// By name.
    builders: Vec<BuilderView>,
}

/// Every plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Plugins {
    /// By name.
    plugins: Vec<PluginView>,
}

/// The builders that there are
#[utoipa::path(get, path = "/builders", tag = "plugins", responses((status = 200, body = Builders)))]
pub(super) async fn builders(State(service): State<Arc<Service>>) -> Json<Builders> {
    Json(Builders { builders: service.planner().builders() })
}

/// The plugins that serve now
#[utoipa::path(get, path = "/plugins", operation_id = "plugins", tag = "plugins", responses((status = 200, body = Plugins)))]
pub(super) async fn list(State(service): State<Arc<Service>>) -> Json<Plugins> {
    Json(Plugins { plugins: service.planner().plugins() })
}

/// Reads configuration and plugins anew
///
/// Builds that run keep the plugins they began with. If anything is refused, all stays as it was.
#[utoipa::path(post, path = "/plugins/reload", tag = "plugins", responses((status = 200, body = ReloadReport)))]
pub(super) async fn reload(
    State(service): State<Arc<Service>>,
    identity: Identity,
) -> Result<Json<ReloadReport>, Problem> {
    reload_plugins(&service, &identity).await.map(Json)
}

/// Reads configuration and plugins anew, as whoever asks.
pub(crate) async fn reload_plugins(service: &Service, identity: &Identity) -> Result<ReloadReport, Problem> {
    service.active()?;
    service.planner().reload(&identity.name).await.map_err(refused)
}

/// Returns to the generation of a plugin before the one that serves
#[utoipa::path(
    post, path = "/plugins/{name}/rollback", tag = "plugins", params(("name" = String, Path, description = "the plugin")),
    responses((status = 200, body = ReloadReport))
)]
pub(super) async fn rollback(
    State(service): State<Arc<Service>>,
    identity: Identity,
    InPath(name): InPath<String>,
) -> Result<Json<ReloadReport>, Problem> {
    roll_back(&service, &identity, &name).await.map(Json)
}

/// Returns to the generation of a plugin before the one that serves, as whoever asks.
pub(crate) async fn roll_back(service: &Service, identity: &Identity, name: &str) -> Result<ReloadReport, Problem> {
    service.active()?;
    if !service.planner().plugins().iter().any(|plugin| plugin.name == name) {
        return Err(Problem::not_found(
            format!("there is no plugin `{name}`"),
            "/api/v1/plugins lists those there are",
        ));
    }
    service.planner().rollback(name, &identity.name).await.map_err(refused)
}

fn refused(refused: PlanRefused) -> Problem {
    Problem::new(Kind::Refused, refused.what, refused.hint)
}
