//! Submissions that count once, however often they are sent.

use engine::BuildId;

use crate::database::with_pool;
use crate::store::is_storable;
use crate::{Store, StoreError};

/// A submission by the key that its sender gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key.
    pub key: String,
    /// The digest of what was asked for: the same key with another is a mistake of its sender.
    pub digest: String,
    /// The build that came of it.
    pub build: BuildId,
}

/// Inserts a request, unless its key is known.
macro_rules! insert {
    ($connection:ident, $request:expr) => {
        sqlx::query("INSERT INTO requests (key, digest, build) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING")
            .bind(&$request.key)
            .bind(&$request.digest)
            .bind($request.build.0.cast_signed())
            .execute(&mut *$connection)
            .await
    };
}

pub(crate) use insert;

impl Store {
    /// The submission that came with this key, for as long as its build is shown.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn request(&self, key: &str) -> Result<Option<Request>, StoreError> {
        const READ: &str = "SELECT digest, build FROM requests WHERE key = $1";
        if !is_storable(key) {
            return Ok(None);
        }
        let row: Option<(String, i64)> =
            with_pool!(self, |pool| sqlx::query_as(READ).bind(key).fetch_optional(pool).await)
                .map_err(StoreError::during("read a request"))?;
        Ok(row.map(|(digest, build)| Request { key: key.to_owned(), digest, build: BuildId(build.cast_unsigned()) }))
    }
}
