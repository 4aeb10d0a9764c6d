//! Sessions of browsers. A login makes a token of its own, which the browser keeps where no script can read it; it goes
//! with the token that it was made from, or when it is logged out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, header};
use store::TokenRow;

use super::token::{identify, now, random};
use super::{Scopes, digest, mint};
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Days that a browser is remembered.
pub(crate) const SESSION_DAYS: u64 = 30;
/// How long a link that logs in once is good.
const LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// Random bytes of such a link.
const LINK_BYTES: usize = 24;
/// How the row of a session names the token that it was made from.
const OF: &str = "session of ";

/// The links that log in once, by the digest of their code: the token that they stand for.
#[derive(Default)]
pub(crate) struct Links(Mutex<BTreeMap<String, (String, Instant)>>);

impl Links {
    fn add(&self, code: &str, token: &str) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, (_, until)| *until > Instant::now());
        links.insert(digest(code), (token.to_owned(), Instant::now() + LINK_LIFE));
    }

    fn take(&self, code: &str) -> Option<String> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.remove(&digest(code)).filter(|(_, until)| *until > Instant::now()).map(|(token, _)| token)
    }
}

/// The cookie's name: servers on other ports of one host have their own.
pub(crate) fn cookie_name(service: &Service) -> String {
    format!("muster-{}", service.port())
}

/// The session in the request's cookies.
pub(super) fn cookie(service: &Service, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(service);
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then(|| value.to_owned()))
}

/// A session for whoever has this token.
///
/// # Errors
/// The token is not good, or the store does not answer.
pub(crate) async fn log_in(service: &Service, secret: &str) -> Result<String, Problem> {
    let row = service.store().token_by_digest(&digest(secret)).await?;
    identify(secret, row.clone(), now())?;
    session(service, row.as_ref().filter(|row| !row.by.starts_with(OF))).await
}

/// A session for whoever has a link.
///
/// # Errors
/// The link is used up, or too old.
pub(crate) async fn follow_link(service: &Service, code: &str) -> Result<String, Problem> {
    let token = service.links().take(code);
    let tokens = service.store().tokens().await?;
    session(service, tokens.iter().find(|row| token.as_ref() == Some(&row.id))).await
}

async fn session(service: &Service, row: Option<&TokenRow>) -> Result<String, Problem> {
    let Some(row) = row else {
        return Err(Problem::new(
            Kind::TokenUnknown,
            "the link was used, or is too old",
            "each logs in once, within a quarter of an hour; a token does any time",
        ));
    };
    let (store, now) = (service.store(), now());
    for old in store.tokens().await? {
        if old.by.starts_with(OF) && old.expires.is_some_and(|expires| expires <= now) {
            store.revoke_token(&old.id).await?;
        }
    }
    let end = now + SESSION_DAYS * 86_400;
    let scopes: Scopes = row.scopes.parse().map_err(|error| Problem::internal(format!("token {}: {error}", row.id)))?;
    let expires = row.expires.map_or(end, |expires| expires.min(end));
    let minted = mint(&row.name, &scopes, Some(expires), &format!("{OF}{}", row.id))?;
    store.add_token(&minted.row).await?;
    // A token that is revoked takes its sessions along: this one, too, if that happened just now.
    if store.tokens().await?.iter().all(|token| token.id != row.id) {
        store.revoke_token(&minted.row.id).await?;
        return Err(Problem::new(Kind::TokenUnknown, "the token was revoked", "log in with another"));
    }
    Ok(minted.secret)
}

/// Ends the session of a request.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn log_out(service: &Service, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(secret) = cookie(service, headers) else { return Ok(()) };
    if let Some(row) = service.store().token_by_digest(&digest(&secret)).await?.filter(|row| row.by.starts_with(OF)) {
        service.store().revoke_token(&row.id).await?;
    }
    Ok(())
}

/// Revokes a token, and the sessions that were made from it. Whether there was one.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn revoke(service: &Service, id: &str) -> Result<bool, Problem> {
    let (store, of) = (service.store(), format!("{OF}{id}"));
    // The token goes first: a session that is being made from it looks for it last.
    let was_there = store.revoke_token(id).await?;
    for row in store.tokens().await?.iter().filter(|row| row.by == of) {
        store.revoke_token(&row.id).await?;
    }
    Ok(was_there)
}

impl Service {
    /// The path of a link that logs a browser in, once, as whoever has this token: for the terminal of who starts a
    /// server.
    ///
    /// # Errors
    /// The token is not good, or the store does not answer.
    pub async fn login_link(&self, secret: &str) -> Result<String, Problem> {
        let identity = identify(secret, self.store().token_by_digest(&digest(secret)).await?, now())?;
        let code = hex::encode(random::<LINK_BYTES>()?);
        self.links().add(&code, &identity.token);
        Ok(format!("/login?once={code}"))
    }
}
