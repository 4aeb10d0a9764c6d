//! The routes, split by caller: people and their clients under `/api/v1`, machines and forges later under paths of
//! their own, whoever watches over the server outside.
//!
//! Every route under `/api/v1` stands in one of four groups, by the scope that it needs: a route without a scope cannot
//! be written.

mod builds;
mod cancel;
mod events;
mod extract;
mod health;
mod history;
mod lines;
mod log;
mod logs;
mod machine;
mod measure;
mod metrics;
mod openapi;
mod plugins;
mod pools;
mod queue;
mod range;
mod reports;
mod results;
mod stall;
mod submit;
mod tokens;
mod trees;
mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identity::{Scope, check_names, require};
use crate::problem::{Kind, Problem};
use crate::service::Service;

pub(crate) use builds::{Filter, builds_page, view as build_view};
pub(crate) use cancel::{CancelRequest, cancel};
pub(crate) use extract::{Args, Build, InPath, MaybeBody, build_id};
pub(crate) use history::{EventsPage, Filter as EventFilter, events_page};
pub(crate) use lines::{Lines, follower_at, read_lines, search_lines};
pub(crate) use logs::streams_of;
pub(crate) use machine::log_of_machine;
pub use openapi::openapi;
pub(crate) use plugins::{reload_plugins, roll_back};
pub(crate) use queue::{Queue, queue_now as queue};
pub(crate) use reports::report_now;
pub(crate) use submit::{may, retry};
pub(crate) use tokens::{revoke_token, token_views};

type Routes = OpenApiRouter<Arc<Service>>;

/// Everything that is served.
pub fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new();
    for scope in Scope::ALL {
        let (routes, _) = group(scope).split_for_parts();
        let guard = from_fn_with_state((Arc::clone(&service), scope), require);
        router = router.merge(Router::new().nest("/api/v1", routes.route_layer(guard)));
    }
    let (outside, _) = outside().split_for_parts();
    router
        .merge(outside)
        .merge(crate::pages::router(&service))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(no_sniffing))
        .layer(DefaultBodyLimit::max(service.settings().body_bytes))
        .layer(from_fn_with_state(Arc::clone(&service), stall::bound))
        .layer(from_fn_with_state(Arc::clone(&service), check_names))
        .layer(from_fn_with_state(Arc::clone(&service), measure::measure))
        .with_state(service)
}

/// The routes under `/api/v1` that need this scope, or more.
fn group(scope: Scope) -> Routes {
    match scope {
        Scope::Read => read(),
        Scope::Submit => OpenApiRouter::new()
            .routes(routes!(submit::submit))
            .routes(routes!(cancel::cancel))
            .routes(routes!(submit::retry))
            .merge(upload()),
        Scope::Manage => OpenApiRouter::new().routes(routes!(plugins::reload)).routes(routes!(plugins::rollback)),
        Scope::Admin => {
            OpenApiRouter::new().routes(routes!(tokens::list, tokens::create)).routes(routes!(tokens::revoke))
        }
    }
}

/// A tree has its own bound, kept while it streams.
fn upload() -> Routes {
    OpenApiRouter::new().routes(routes!(trees::put)).layer(DefaultBodyLimit::disable())
}

fn read() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(trees::head))
        .routes(routes!(builds::list))
        .routes(routes!(builds::get))
        .routes(routes!(events::events))
        .routes(routes!(log::log))
        .routes(routes!(lines::lines))
        .routes(routes!(lines::search))
        .routes(routes!(logs::streams))
        .routes(routes!(logs::stream))
        .routes(routes!(machine::joined))
        .routes(routes!(results::tests))
        .routes(routes!(reports::junit))
        .routes(routes!(reports::html))
        .routes(routes!(reports::summary))
        .routes(routes!(reports::certificate))
        .routes(routes!(queue::queue))
        .routes(routes!(whoami::whoami))
        .routes(routes!(plugins::builders))
        .routes(routes!(plugins::list))
        .routes(routes!(pools::pools))
        .routes(routes!(history::events))
}

/// What is asked without a token, or decides by itself whether it needs one.
fn outside() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::document))
}

async fn no_route(uri: http::Uri) -> Problem {
    Problem::not_found(format!("there is nothing at `{}`", uri.path()), "/api/v1/openapi.json lists what there is")
}

async fn no_method(method: http::Method, uri: http::Uri) -> Problem {
    Problem::new(
        Kind::MethodRefused,
        format!("`{}` does not know {method}", uri.path()),
        "/api/v1/openapi.json lists what there is",
    )
}

/// Output of tests is served as what it is said to be, never as what it looks like. Pages say for themselves what
/// browsers tell of them.
async fn no_sniffing(request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, http::HeaderValue::from_static("nosniff"));
    headers.entry(http::header::REFERRER_POLICY).or_insert(http::HeaderValue::from_static("no-referrer"));
    response
}
