//! Events and tokens: what there is, and who changed it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::shell::{Shell, html};
use super::words;
use crate::api::{Args, EventFilter, EventsPage, events_page, token_views};
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::TokenView;

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
    /// The one that asks.
    own: bool,
}

impl Token {
    fn new(view: TokenView, identity: &Identity) -> Token {
        let ms = |seconds: u64| seconds.saturating_mul(1_000);
        Token {
            created_ms: ms(view.created),
            expires_ms: view.expires.map(ms),
            used_ms: view.used.map(ms),
            own: view.id == identity.token,
            view,
        }
    }
}

/// The tokens, without their secrets.
pub(super) async fn tokens(State(service): State<Arc<Service>>, identity: Identity) -> Result<Response, Problem> {
    let mut shell = Shell::new("tokens · muster", Some(&identity));
    shell.place = "Tokens";
    let views = token_views(&service).await?;
    let tokens = views.into_iter().map(|view| Token::new(view, &identity)).collect();
    html(StatusCode::OK, &Tokens { shell, tokens })
}
