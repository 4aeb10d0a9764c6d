//! The pages: what people see in a browser, made from the same view as the API's JSON.
//!
//! A page is whole without its script. With it, it listens at `live`, and takes over the parts of a newer copy of itself
//! that differ: what is shown is put together in one place, here.

mod actions;
mod assets;
mod build;
mod builds;
mod live;
mod log;
mod login;
mod machine;
mod output;
mod overview;
mod plugins;
mod refusal;
mod shell;
mod tables;
mod tests;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::identity::Scope;
use crate::service::Service;

/// The routes of the pages, each group behind the scope that it needs.
pub(crate) fn router(service: &Arc<Service>) -> Router<Arc<Service>> {
    let mut router = Router::new();
    for scope in Scope::ALL {
        let guard = from_fn_with_state((Arc::clone(service), scope), refusal::require);
        router = router.merge(group(scope).route_layer(guard));
    }
    router.merge(outside()).layer(from_fn(refusal::confine))
}

/// The routes that need this scope, or more.
fn group(scope: Scope) -> Router<Arc<Service>> {
    match scope {
        Scope::Read => Router::new()
            .route("/", get(overview::overview))
            .route("/index.txt", get(overview::text))
            .route("/live", get(live::overview))
            .route("/builds", get(builds::builds))
            .route("/builds/{id}", get(build::build))
            .route("/builds/{id}/live", get(live::build))
            .route("/builds/{id}/log", get(log::log))
            .route("/builds/{id}/logs/{stream}", get(output::output))
            .route("/builds/{id}/machines/{lease}", get(machine::machine))
            .route("/plugins", get(plugins::plugins))
            .route("/events", get(tables::events)),
        Scope::Submit => Router::new()
            .route("/builds/{id}/cancel", post(actions::cancel))
            .route("/builds/{id}/retry", post(actions::retry)),
        Scope::Manage => Router::new()
            .route("/plugins/reload", post(plugins::reload))
            .route("/plugins/{name}/rollback", post(plugins::rollback)),
        Scope::Admin => {
            Router::new().route("/tokens", get(tables::tokens)).route("/tokens/{id}/revoke", post(actions::revoke))
        }
    }
}

/// What is asked without a token.
fn outside() -> Router<Arc<Service>> {
    Router::new()
        .route("/login", get(login::page).post(login::log_in_with))
        .route("/logout", post(login::leave))
        .route("/assets/{digest}/{name}", get(assets::asset))
}
