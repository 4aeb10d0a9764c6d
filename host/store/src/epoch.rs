//! The right to write: a number that only the newest claimant of a scope holds.

use std::fmt;

use crate::database::{Dialect, with_pool};
use crate::{Store, StoreError};

/// The right to write the builds of one scope, until somebody claims the next number.
///
/// A scope is a coordinator's name; `muster build` takes one for each build, so that two of them share a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Whose builds.
    pub scope: String,
    /// Counted up by each claim.
    pub number: u64,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of `{}`", self.number, self.scope)
    }
}

impl Store {
    /// Claims the right to write a scope; every earlier holder's commits are refused from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_epoch(&self, scope: &str) -> Result<Epoch, StoreError> {
        const CLAIM: &str = "INSERT INTO epochs (scope, number) VALUES ($1, 1) \
             ON CONFLICT (scope) DO UPDATE SET number = epochs.number + 1 RETURNING number";
        let number: i64 = with_pool!(self, |pool| sqlx::query_scalar(CLAIM).bind(scope).fetch_one(pool).await)
            .map_err(StoreError::during("claim the epoch"))?;
        Ok(Epoch { scope: scope.to_owned(), number: number.cast_unsigned() })
    }

    /// Gives up a scope that will never be claimed again, so that its row does not stay for ever.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn retire_epoch(&self, epoch: &Epoch) -> Result<(), StoreError> {
        const RETIRE: &str = "DELETE FROM epochs WHERE scope = $1 AND number = $2";
        let number = epoch.number.cast_signed();
        with_pool!(self, |pool| sqlx::query(RETIRE).bind(&epoch.scope).bind(number).execute(pool).await.map(drop))
            .map_err(StoreError::during("retire the epoch"))
    }
}

/// Reads the current number of a scope and keeps it from changing until the transaction ends. SQLite's writers exclude
/// each other as a whole; PostgreSQL locks the row.
pub(crate) fn read_and_hold(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SELECT number FROM epochs WHERE scope = $1",
        Dialect::Postgres => "SELECT number FROM epochs WHERE scope = $1 FOR SHARE",
    }
}
