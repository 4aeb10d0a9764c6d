//! Refusals as people see them: a page that says what is wrong, or the way to the login.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{Method, StatusCode, header};

use super::shell::{Shell, html, wants_text};
use super::words;
use crate::identity::{Identity, Scope, authorize};
use crate::problem::ProblemBody;
use crate::service::Service;

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal {
    shell: Shell,
    title: String,
    detail: String,
    hint: String,
}

/// A page for whoever may read: others are led to the login, or told why not.
pub(super) async fn require(
    State((service, needed)): State<(Arc<Service>, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let text = wants_text(request.headers()) || request.uri().path().ends_with(".txt");
    match authorize(&service, request.method(), request.headers(), needed).await {
        Ok(identity) => {
            request.extensions_mut().insert(identity.clone());
            let response = next.run(request).await;
            match response.extensions().get::<ProblemBody>() {
                Some(problem) if !text => page(problem.clone(), Some(&identity)),
                _ => response,
            }
        }
        Err(problem) => {
            let body = problem.body();
            let reads = request.method() == Method::GET;
            if body.status == 401 && reads && !text {
                let to = request.uri().path_and_query().map_or("/", |path| path.as_str());
                return Redirect::to(&format!("/login?next={}", words::query(to))).into_response();
            }
            if text { problem.into_response() } else { page(body, None) }
        }
    }
}

fn page(problem: ProblemBody, who: Option<&Identity>) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut letters = problem.title.chars();
    let first: Option<char> = letters.next();
    let title: String = first.into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let shell = Shell::new(format!("{title} · muster"), who);
    let page = Refusal { shell, title, detail: problem.detail, hint: problem.hint };
    html(status, &page).unwrap_or_else(|problem| problem.into_response())
}

/// What a browser may do with a page: load what is the server's own, run no script but that, send forms nowhere else.
pub(super) async fn confine(request: Request, next: Next) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, http::HeaderValue::from_static(POLICY));
    // Forms must say where they come from: under `no-referrer` they would not.
    headers.insert(header::REFERRER_POLICY, http::HeaderValue::from_static("same-origin"));
    response
}
