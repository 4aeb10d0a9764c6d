//! Tokens, without their secrets.

use serde::{Deserialize, Serialize};
use store::TokenRow;
use utoipa::ToSchema;

use crate::identity::{Scope, Scopes};

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its public name.
    pub id: String,
    /// Who it was given to.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it ends, in seconds since 1970; null if it does not.
    pub expires: Option<u64>,
    /// When it was last used, to the minute.
    pub used: Option<u64>,
    /// Who made it, or the token that a browser's session is of.
    pub by: String,
}

impl From<TokenRow> for TokenView {
    fn from(row: TokenRow) -> TokenView {
        TokenView {
            scopes: row.scopes.parse::<Scopes>().unwrap_or_default().iter().collect(),
            id: row.id,
            name: row.name,
            created: row.created,
            expires: row.expires,
            used: row.used,
            by: row.by,
        }
    }
}

/// Every token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// Oldest first.
    pub tokens: Vec<TokenView>,
}

/// A token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Who it is for: builds and events are signed with it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may do.
    #[schema(min_items = 1)]
    pub scopes: Vec<Scope>,
    /// For how long, in seconds; without it, until it is revoked.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub expires_in_s: Option<u64>,
}

/// A new token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    /// The token: it is shown this once.
    pub token: String,
    /// What else is known of it.
    #[serde(flatten)]
    pub view: TokenView,
}
