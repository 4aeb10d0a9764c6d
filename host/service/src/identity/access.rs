//! The checks as layers of the router.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, Method, header};

use super::session::cookie;
use super::token::{identify, now};
use super::{Identity, Scope, digest};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// A request that came by another name, or from another site, goes no further.
pub(crate) async fn check_names(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    service.names().check(request.uri(), request.headers())?;
    Ok(next.run(request).await)
}

/// A request goes on only with a token that has the scope; handlers find its [`Identity`] in the extensions.
pub(crate) async fn require(
    State((service, needed)): State<(Arc<Service>, Scope)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let identity = authorize(&service, request.method(), request.headers(), needed).await?;
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

/// Who asks, if they may do what needs this scope.
pub(crate) async fn authorize(
    service: &Service,
    method: &Method,
    headers: &HeaderMap,
    needed: Scope,
) -> Result<Identity, Problem> {
    let identity = authenticate(service, method, headers).await?;
    if identity.scopes.allow(needed) {
        return Ok(identity);
    }
    Err(Problem::new(
        Kind::ScopeMissing,
        format!("this needs the scope `{needed}`; the token `{}` has `{}`", identity.name, identity.scopes),
        format!("`muster tokens create NAME --scope {needed}`, run by an administrator, makes one that has"),
    ))
}

async fn authenticate(service: &Service, method: &Method, headers: &HeaderMap) -> Result<Identity, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = given.and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    // What else stands there is of a proxy: it is no token of this server's, and hides no session.
    let session = if bearer.is_none() { cookie(service, headers) } else { None };
    if session.is_some() {
        own_page(method, headers)?;
    }
    let Some(secret) = bearer.or(session.as_deref()) else {
        return Err(Problem::new(
            Kind::TokenMissing,
            "the request has no token",
            "send `Authorization: Bearer TOKEN`, which `muster` takes from `MUSTER_TOKEN` or `--token-file`; browsers log in at /login",
        ));
    };
    let now = now();
    let row = service.store().token_by_digest(&digest(secret)).await?;
    let identity = Identity { session: session.is_some(), ..identify(secret, row, now)? };
    if service.uses().note(&identity.token, now)
        && let Err(error) = service.store().token_used(&identity.token, now).await
    {
        // When a token was last used is worth no refusal.
        tracing::warn!(%error, "the use of a token is not noted");
    }
    Ok(identity)
}

/// A browser sends its cookie along whoever made it send the request. What changes something must come from a page of
/// this server: then the browser names it as the origin, which [`check_names`] has compared, or says so.
fn own_page(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let says_so = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if method.is_safe() || headers.contains_key(header::ORIGIN) || says_so {
        return Ok(());
    }
    Err(Problem::new(
        Kind::OriginRefused,
        "the request has a session, and does not say which page sent it",
        "browsers do; programs send a token instead",
    ))
}
