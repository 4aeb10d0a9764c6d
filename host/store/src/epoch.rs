//! The right to write: a number that only the newest claimant of a scope holds.

use std::fmt;
use std::time::Duration;

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

/// Who holds the epoch of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// What it called itself.
    pub name: String,
    /// Its epoch.
    pub number: u64,
    /// How long ago it was renewed, by the database's clock.
    pub renewed: Duration,
}

impl Store {
    /// Claims the right to write a scope, whoever holds it; every earlier holder's commits are refused from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_epoch(&self, scope: &str) -> Result<Epoch, StoreError> {
        let claimed = self.take(scope, "", None).await.map_err(StoreError::during("claim the epoch"))?;
        claimed.ok_or(StoreError::Database { operation: "claim the epoch", source: sqlx::Error::RowNotFound })
    }

    /// Claims the right to write a scope as `holder`, if nobody has it: it was not renewed for `stale_after`, or was
    /// released, or its holder is called the same. So a coordinator that was killed and started again does not wait for
    /// itself; whoever may run twice needs two names.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_over(
        &self,
        scope: &str,
        holder: &str,
        stale_after: Duration,
    ) -> Result<Option<Epoch>, StoreError> {
        let millis = i64::try_from(stale_after.as_millis()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        self.take(scope, holder, Some(millis)).await.map_err(StoreError::during("take over the epoch"))
    }

    async fn take(&self, scope: &str, holder: &str, stale: Option<i64>) -> Result<Option<Epoch>, sqlx::Error> {
        let now = now(self.database.dialect());
        // One renewed in the future was so before the clock was set back.
        let take = format!(
            "INSERT INTO epochs (scope, number, holder, renewed) VALUES ($1, 1, $2, {now}) \
             ON CONFLICT (scope) DO UPDATE \
             SET number = epochs.number + 1, holder = excluded.holder, renewed = excluded.renewed \
             WHERE $3 < 0 OR epochs.renewed <= excluded.renewed - $3 OR epochs.renewed > excluded.renewed + $3 \
             OR (epochs.holder = excluded.holder AND excluded.holder <> '') \
             RETURNING number"
        );
        let number: Option<i64> = with_pool!(self, |pool| {
            let query = sqlx::query_scalar(sqlx::AssertSqlSafe(take)).bind(scope).bind(holder);
            query.bind(stale.unwrap_or(-1)).fetch_optional(pool).await
        })?;
        Ok(number.map(|number| Epoch { scope: scope.to_owned(), number: number.cast_unsigned() }))
    }

    /// Says that the holder is there, so that nobody takes over.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if somebody has; or if the database fails.
    pub async fn renew_epoch(&self, held: &Epoch) -> Result<(), StoreError> {
        let renew =
            format!("UPDATE epochs SET renewed = {} WHERE scope = $1 AND number = $2", now(self.database.dialect()));
        let renewed = with_pool!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(renew)).bind(&held.scope).bind(held.number.cast_signed());
            query.execute(pool).await.map(|done| done.rows_affected())
        });
        match renewed.map_err(StoreError::during("renew the epoch"))? {
            0 => Err(StoreError::Superseded { held: held.clone() }),
            _ => Ok(()),
        }
    }

    /// Gives an epoch up, so that the next is taken over at once. Commits under it are taken until then.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_epoch(&self, held: &Epoch) -> Result<(), StoreError> {
        const RELEASE: &str = "UPDATE epochs SET renewed = 0 WHERE scope = $1 AND number = $2";
        let number = held.number.cast_signed();
        with_pool!(self, |pool| sqlx::query(RELEASE).bind(&held.scope).bind(number).execute(pool).await.map(drop))
            .map_err(StoreError::during("release the epoch"))
    }

    /// Who holds the epoch of a scope, if anybody ever did.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn epoch_holder(&self, scope: &str) -> Result<Option<Holder>, StoreError> {
        let now = now(self.database.dialect());
        let read = format!("SELECT holder, number, {now} - renewed FROM epochs WHERE scope = $1");
        let row: Option<(String, i64, i64)> = with_pool!(self, |pool| {
            sqlx::query_as(sqlx::AssertSqlSafe(read)).bind(scope).fetch_optional(pool).await
        })
        .map_err(StoreError::during("read who holds the epoch"))?;
        Ok(row.map(|(name, number, age)| Holder {
            name,
            number: number.cast_unsigned(),
            renewed: Duration::from_millis(u64::try_from(age).unwrap_or(0)),
        }))
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

/// Milliseconds since 1970 by the database's clock, which all of several coordinators share.
fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        Dialect::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    }
}

/// Ends a transaction with [`StoreError::Superseded`] if the epoch is not held any more, and otherwise keeps it from
/// changing until the transaction ends.
macro_rules! hold {
    ($store:expr, $connection:ident, $held:expr, $failed:ident) => {
        let current: Option<i64> = sqlx::query_scalar($crate::epoch::read_and_hold($store.database.dialect()))
            .bind(&$held.scope)
            .fetch_optional(&mut *$connection)
            .await
            .map_err(&$failed)?;
        if current != Some($held.number.cast_signed()) {
            return Err($crate::StoreError::Superseded { held: $held.clone() });
        }
    };
}

pub(crate) use hold;

/// Reads the current number of a scope and keeps it from changing until the transaction ends. SQLite's writers exclude
/// each other as a whole; PostgreSQL locks the row.
pub(crate) fn read_and_hold(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SELECT number FROM epochs WHERE scope = $1",
        Dialect::Postgres => "SELECT number FROM epochs WHERE scope = $1 FOR SHARE",
    }
}
