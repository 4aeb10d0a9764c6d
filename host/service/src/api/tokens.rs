//! Tokens: who may do what.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::extract::{Body, InPath};
use super::history::note;
use crate::identity::{Identity, Scopes, mint};
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::view::{MadeToken, NewToken, TokenView, Tokens};

/// Characters of a name.
const MAX_NAME: usize = 100;
/// The longest life of a token that has an end: ten years, in seconds.
const MAX_LIFE_S: u64 = 10 * 365 * 86_400;

/// Every token, without its secret
#[utoipa::path(get, path = "/tokens", operation_id = "tokens", tag = "tokens", responses((status = 200, body = Tokens)))]
pub(super) async fn list(State(service): State<Arc<Service>>) -> Result<Json<Tokens>, Problem> {
    Ok(Json(Tokens { tokens: token_views(&service).await? }))
}

/// Every token, oldest first.
pub(crate) async fn token_views(service: &Service) -> Result<Vec<TokenView>, Problem> {
    Ok(service.store().tokens().await?.into_iter().map(TokenView::from).collect())
}

/// Makes a token, which is shown this once
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", request_body = NewToken, responses((status = 201, body = MadeToken))
)]
pub(super) async fn create(
    State(service): State<Arc<Service>>,
    identity: Identity,
    Body(wanted): Body<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    let wrong = |what: String| Problem::new(Kind::BadRequest, what, "see /api/v1/openapi.json");
    let name = wanted.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(wrong(format!("a token's name has 1 to {MAX_NAME} characters, none of them a control character")));
    }
    if wanted.scopes.is_empty() {
        return Err(wrong("a token without a scope could do nothing".to_owned()));
    }
    if wanted.expires_in_s.is_some_and(|life| life == 0 || life > MAX_LIFE_S) {
        return Err(wrong(format!("a token lives 1 to {MAX_LIFE_S} seconds, or until it is revoked")));
    }
    let expires = wanted.expires_in_s.map(|life| crate::identity::now() + life);
    let minted = mint(name, &Scopes::new(wanted.scopes), expires, &identity.name)?;
    service.store().add_token(&minted.row).await?;
    let detail = serde_json::json!({ "name": minted.row.name, "scopes": minted.row.scopes });
    note(&service, &identity.name, "token-created", &minted.row.id, &detail).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { token: minted.secret, view: minted.row.into() })))
}

/// Revokes a token: it is good for nothing from now on, and neither are the sessions of browsers that logged in with it
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "tokens", params(("id" = String, Path, description = "its public name")),
    responses((status = 204, description = "It is revoked"))
)]
pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    identity: Identity,
    InPath(id): InPath<String>,
) -> Result<StatusCode, Problem> {
    revoke_token(&service, &identity, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes a token, and notes who did.
pub(crate) async fn revoke_token(service: &Service, identity: &Identity, id: &str) -> Result<(), Problem> {
    if id.contains('\0') || !crate::identity::revoke(service, id).await? {
        return Err(Problem::not_found(
            format!("there is no token `{id}`"),
            "`muster tokens list` lists those there are",
        ));
    }
    note(service, &identity.name, "token-revoked", id, &serde_json::json!({})).await
}
