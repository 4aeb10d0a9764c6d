//! Logging in and out.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::shell::{Shell, html};
use crate::api::Args;
use crate::identity::{SESSION_DAYS, cookie_name, follow_link, log_in, log_out};
use crate::problem::Problem;
use crate::service::Service;

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    shell: Shell,
    told: String,
    next: String,
    days: u64,
}

/// How the page is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Where to go then.
    next: String,
    /// The code of a link that logs in once.
    once: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Sent {
    token: String,
    #[serde(default)]
    next: String,
}

/// The form, or the session that a link stands for.
pub(super) async fn page(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Args(asked): Args<Asked>,
) -> Result<Response, Problem> {
    let Some(code) = &asked.once else { return form(StatusCode::OK, String::new(), &asked.next) };
    match follow_link(&service, code).await {
        Ok(session) => Ok(logged_in(&service, &headers, &session, "/")),
        Err(problem) => told(&problem, "/"),
    }
}

/// Logs in with a token.
pub(super) async fn log_in_with(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    match log_in(&service, sent.token.trim()).await {
        Ok(session) => Ok(logged_in(&service, &headers, &session, &sent.next)),
        Err(problem) => told(&problem, &sent.next),
    }
}

/// Logs out.
pub(super) async fn leave(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, Problem> {
    log_out(&service, &headers).await?;
    let cookie = format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", cookie_name(&service));
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response())
}

fn told(problem: &Problem, next: &str) -> Result<Response, Problem> {
    let body = problem.body();
    if body.status != 401 {
        return Err(problem.clone());
    }
    form(StatusCode::UNAUTHORIZED, format!("{}; {}", body.detail, body.hint), next)
}

fn form(status: StatusCode, told: String, next: &str) -> Result<Response, Problem> {
    let shell = Shell::new("log in · muster", None);
    html(status, &Page { shell, told, next: local(next).to_owned(), days: SESSION_DAYS })
}

fn logged_in(service: &Service, headers: &HeaderMap, session: &str, next: &str) -> Response {
    let over_tls = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if over_tls { "; Secure" } else { "" };
    let life = SESSION_DAYS * 86_400;
    let cookie =
        format!("{}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life}{secure}", cookie_name(service));
    let mut response = Redirect::to(local(next)).into_response();
    // Hexadecimal digits, and a name made of a port.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A path of this server: whatever else it may be leads to the overview.
fn local(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && next.starts_with('/') && !next.starts_with("//") { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_led_nowhere_else() {
        assert_eq!(local("/builds/7?q=x"), "/builds/7?q=x");
        for elsewhere in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "javascript:x"] {
            assert_eq!(local(elsewhere), "/", "{elsewhere}");
        }
    }
}
