//! Whose token it is.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::identity::{Identity, Scope};

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WhoAmI {
    /// Who the token was given to.
    name: String,
    /// The token's public name.
    token: String,
    /// What it may do.
    scopes: Vec<Scope>,
}

/// Whose token this is, and what it may do
#[utoipa::path(get, path = "/whoami", tag = "tokens", responses((status = 200, body = WhoAmI)))]
pub(super) async fn whoami(identity: Identity) -> Json<WhoAmI> {
    Json(WhoAmI { name: identity.name, token: identity.token, scopes: identity.scopes.iter().collect() })
}
