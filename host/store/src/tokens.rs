//! Tokens, by their digests: the tokens themselves are never here.

use sqlx::Row as _;

use crate::database::with_pool;
use crate::store::{check_storable, is_storable};
use crate::{Store, StoreError};

/// A token. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Names it, where the token itself must not be named.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do: scopes with spaces between them.
    pub scopes: String,
    /// The SHA-256 digest of the token in hexadecimal digits.
    pub digest: String,
    /// When it was made.
    pub created: u64,
    /// From when on it is not accepted.
    pub expires: Option<u64>,
    /// Who made it.
    pub by: String,
    /// When it was used last, as far as that was noted.
    pub used: Option<u64>,
}

/// Reads a [`TokenRow`].
macro_rules! token_row {
    ($row:ident) => {
        Ok::<_, sqlx::Error>(TokenRow {
            id: $row.try_get(0)?,
            name: $row.try_get(1)?,
            scopes: $row.try_get(2)?,
            digest: $row.try_get(3)?,
            created: $row.try_get::<i64, _>(4)?.cast_unsigned(),
            expires: $row.try_get::<Option<i64>, _>(5)?.map(i64::cast_unsigned),
            by: $row.try_get(6)?,
            used: $row.try_get::<Option<i64>, _>(7)?.map(i64::cast_unsigned),
        })
    };
}

impl Store {
    /// Adds a token.
    ///
    /// # Errors
    /// If its id or digest is there already, or the database fails.
    pub async fn add_token(&self, token: &TokenRow) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO tokens (id, name, scopes, digest, created, expires, made_by, used) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        check_storable([&token.id, &token.name, &token.scopes, &token.digest, &token.by])?;
        with_pool!(self, |pool| {
            let add = sqlx::query(ADD).bind(&token.id).bind(&token.name).bind(&token.scopes).bind(&token.digest);
            let add = add.bind(token.created.cast_signed()).bind(token.expires.map(u64::cast_signed)).bind(&token.by);
            add.bind(token.used.map(u64::cast_signed)).execute(pool).await.map(drop)
        })
        .map_err(StoreError::during("add a token"))
    }

    /// All tokens, in the order they were made.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        const READ: &str = "SELECT id, name, scopes, digest, created, expires, made_by, used FROM tokens \
             ORDER BY created, id";
        with_pool!(self, |pool| {
            let rows = sqlx::query(READ).fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| token_row!(row)).collect())
        })
        .map_err(StoreError::during("read the tokens"))
    }

    /// The token of which this is the digest, expired or not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn token_by_digest(&self, digest: &str) -> Result<Option<TokenRow>, StoreError> {
        const READ: &str = "SELECT id, name, scopes, digest, created, expires, made_by, used FROM tokens \
             WHERE digest = $1";
        if !is_storable(digest) {
            return Ok(None);
        }
        with_pool!(self, |pool| {
            let row = sqlx::query(READ).bind(digest).fetch_optional(pool).await;
            row.and_then(|row| row.map(|row| token_row!(row)).transpose())
        })
        .map_err(StoreError::during("look for a token"))
    }

    /// Removes a token: it is not accepted any more. False if there is none of this id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, StoreError> {
        const REVOKE: &str = "DELETE FROM tokens WHERE id = $1";
        if !is_storable(id) {
            return Ok(false);
        }
        let revoked =
            with_pool!(self, |pool| sqlx::query(REVOKE).bind(id).execute(pool).await.map(|done| done.rows_affected()));
        Ok(revoked.map_err(StoreError::during("revoke a token"))? > 0)
    }

    /// Notes that a token was used. One that is gone is not noted; an earlier use does not replace a later one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn token_used(&self, id: &str, at: u64) -> Result<(), StoreError> {
        const NOTE: &str = "UPDATE tokens SET used = $1 WHERE id = $2 AND (used IS NULL OR used < $1)";
        with_pool!(self, |pool| sqlx::query(NOTE).bind(at.cast_signed()).bind(id).execute(pool).await.map(drop))
            .map_err(StoreError::during("note the use of a token"))
    }
}
