//! What stands around every page.

use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::assets;
use crate::identity::{Identity, Scope};
use crate::problem::Problem;
use crate::service::Service;

/// What stands around a page: its head, its navigation.
pub(super) struct Shell {
    /// The title of the window: it tells the state.
    pub(super) title: String,
    /// The icon, which does too.
    pub(super) icon: &'static str,
    /// The entry of the navigation that this page is.
    pub(super) place: &'static str,
    /// Where the page learns that it has changed; empty if it never does.
    pub(super) live: String,
    /// The same page as text; empty if there is none.
    pub(super) twin: String,
    /// Who reads it.
    pub(super) who: Option<Who>,
    /// Logged in, rather than with a token in the request.
    pub(super) session: bool,
    /// The folder of style and scripts.
    pub(super) assets: &'static str,
    /// The program's version.
    pub(super) version: &'static str,
    /// When it was made.
    pub(super) now_ms: u64,
}

/// Who reads a page.
pub(super) struct Who {
    /// The token's name.
    pub(super) name: String,
    /// What it may do, in words.
    pub(super) scopes: String,
    /// It may make and revoke tokens.
    pub(super) admin: bool,
}

impl Shell {
    /// A page that never changes by itself.
    pub(super) fn new(title: impl Into<String>, who: Option<&Identity>) -> Shell {
        Shell {
            title: title.into(),
            icon: "idle",
            place: "",
            live: String::new(),
            twin: String::new(),
            session: who.is_some_and(|who| who.session),
            who: who.map(|who| Who {
                name: who.name.clone(),
                scopes: who.scopes.to_string(),
                admin: who.scopes.allow(Scope::Admin),
            }),
            assets: assets::folder(),
            version: env!("CARGO_PKG_VERSION"),
            now_ms: crate::view::unix_ms(coordinator::now()),
        }
    }

    /// The navigation: address and name.
    pub(super) fn entries(&self) -> Vec<(&'static str, &'static str)> {
        let mut entries =
            vec![("/", "Overview"), ("/builds", "Builds"), ("/plugins", "Plugins"), ("/events", "Events")];
        if self.who.as_ref().is_some_and(|who| who.admin) {
            entries.push(("/tokens", "Tokens"));
        }
        entries
    }
}

/// A rendered page. It is of one reader and one moment.
pub(super) fn html(status: StatusCode, page: &impl askama::Template) -> Result<Response, Problem> {
    let body = page.render().map_err(|error| Problem::internal(format!("a page cannot be written: {error}")))?;
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((status, headers, body).into_response())
}

/// A rendered text.
pub(super) fn plain(page: &impl askama::Template) -> Result<Response, Problem> {
    let body = page.render().map_err(|error| Problem::internal(format!("a text cannot be written: {error}")))?;
    Ok((
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
        report::text::plain(body.as_bytes()),
    )
        .into_response())
}

/// Whether text is preferred to a page: `Accept` names it, and not HTML.
pub(super) fn wants_text(headers: &http::HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.contains("text/plain") && !accepts.contains("text/html")
}

/// What this process is to the builds, in a word, as `/readyz` says it.
pub(super) fn standing(service: &Service) -> &'static str {
    service.standing().word()
}
