//! Plugins, events, tokens: what there is, and who changed it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::shell::{Shell, html};
use super::words;
use crate::api::{Args, EventFilter, EventsPage, TokenView, events_page, token_views};
use crate::identity::Identity;
use crate::ports::{BuilderView, PluginView};
use crate::problem::Problem;
use crate::service::Service;

#[derive(Template)]
#[template(path = "plugins.html")]
struct Plugins {
    shell: Shell,
    plugins: Vec<Plugin>,
    builders: Vec<BuilderView>,
}

/// A plugin, and the generations before the one that serves.
struct Plugin {
    view: PluginView,
    generations: Vec<Generation>,
}

struct Generation {
    digest: String,
    at_ms: u64,
    who: String,
    source: String,
    serves: bool,
}

/// The plugins, their generations, and the builders that come from them.
pub(super) async fn plugins(State(service): State<Arc<Service>>, identity: Identity) -> Result<Response, Problem> {
    let mut plugins = Vec::new();
    for view in service.planner().plugins() {
        let rows = service.store().generations(&view.name).await?;
        let generations = rows.into_iter().map(|row| Generation {
            serves: row.digest == view.digest,
            at_ms: crate::view::unix_ms(row.at),
            digest: row.digest,
            who: row.who,
            source: row.source,
        });
        plugins.push(Plugin { generations: generations.collect(), view });
    }
    let mut shell = Shell::new("plugins · muster", Some(&identity));
    shell.place = "Plugins";
    html(StatusCode::OK, &Plugins { shell, plugins, builders: service.planner().builders() })
}

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    shell: Shell,
    page: EventsPage,
}

/// Who did what to the server.
pub(super) async fn events(
    State(service): State<Arc<Service>>,
    identity: Identity,
    Args(filter): Args<EventFilter>,
) -> Result<Response, Problem> {
    let page = events_page(&service, filter).await?;
    let mut shell = Shell::new("events · muster", Some(&identity));
    shell.place = "Events";
    html(StatusCode::OK, &Events { shell, page })
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct Tokens {
    shell: Shell,
    tokens: Vec<Token>,
}

/// A token, its times in milliseconds.
struct Token {
    view: TokenView,
    created_ms: u64,
    expires_ms: Option<u64>,
    used_ms: Option<u64>,
}

impl From<TokenView> for Token {
    fn from(view: TokenView) -> Token {
        let ms = |seconds: u64| seconds.saturating_mul(1_000);
        Token { created_ms: ms(view.created), expires_ms: view.expires.map(ms), used_ms: view.used.map(ms), view }
    }
}

/// The tokens, without their secrets.
pub(super) async fn tokens(State(service): State<Arc<Service>>, identity: Identity) -> Result<Response, Problem> {
    let mut shell = Shell::new("tokens · muster", Some(&identity));
    shell.place = "Tokens";
    html(StatusCode::OK, &Tokens { shell, tokens: token_views(&service).await?.into_iter().map(Token::from).collect() })
}
