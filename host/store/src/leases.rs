//! Leases of machines, written down for whoever drives the builds next. Under the epoch: whoever was superseded changes
//! nothing of its successor's.

use crate::database::{in_transaction, with_pool};
use crate::store::{check_storable, is_storable};
use crate::{Epoch, Store, StoreError, epoch};

impl Store {
    /// Writes the entry of a lease, as its pool encoded it; one that is there is replaced.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if the epoch is not held any more; or if the database fails.
    pub async fn keep_lease(&self, held: &Epoch, pool: &str, number: u64, entry: &str) -> Result<(), StoreError> {
        const KEEP: &str = "INSERT INTO leases (pool, number, entry) VALUES ($1, $2, $3) \
             ON CONFLICT (pool, number) DO UPDATE SET entry = excluded.entry";
        check_storable([&pool.to_owned(), &entry.to_owned()])?;
        in_transaction!(self, "write a lease", |connection, failed| {
            epoch::hold!(self, connection, held, failed);
            let keep = sqlx::query(KEEP).bind(pool).bind(number.cast_signed()).bind(entry);
            keep.execute(&mut *connection).await.map_err(&failed)?;
        });
        Ok(())
    }

    /// Removes the entry of a lease. One that is not there is no error.
    ///
    /// # Errors
    /// As [`keep_lease`](Store::keep_lease).
    pub async fn forget_lease(&self, held: &Epoch, pool: &str, number: u64) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM leases WHERE pool = $1 AND number = $2";
        in_transaction!(self, "remove a lease", |connection, failed| {
            epoch::hold!(self, connection, held, failed);
            let forget = sqlx::query(FORGET).bind(pool).bind(number.cast_signed());
            forget.execute(&mut *connection).await.map_err(&failed)?;
        });
        Ok(())
    }

    /// The entries of a pool's leases, by number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn leases(&self, pool: &str) -> Result<Vec<String>, StoreError> {
        const READ: &str = "SELECT entry FROM leases WHERE pool = $1 ORDER BY number";
        if !is_storable(pool) {
            return Ok(Vec::new());
        }
        with_pool!(self, |database| sqlx::query_scalar(READ).bind(pool).fetch_all(database).await)
            .map_err(StoreError::during("read the leases of a pool"))
    }

    /// What tells this store from every other: all coordinators over it are one installation. `proposed` becomes it if
    /// there is none yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn installation(&self, proposed: &str) -> Result<String, StoreError> {
        const PROPOSE: &str = "INSERT INTO installation (one, id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
        const READ: &str = "SELECT id FROM installation WHERE one = 1";
        check_storable([&proposed.to_owned()])?;
        let failed = StoreError::during("read which installation this is");
        with_pool!(self, |pool| {
            sqlx::query(PROPOSE).bind(proposed).execute(pool).await.map_err(&failed)?;
            sqlx::query_scalar(READ).fetch_one(pool).await
        })
        .map_err(&failed)
    }
}
