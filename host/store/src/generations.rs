//! Which component a plugin was, from when on.

use engine::Time;
use sqlx::Row as _;

use crate::database::{in_transaction, with_pool};
use crate::store::{check_storable, is_storable};
use crate::{Store, StoreError};

/// So many of one plugin are read.
const MAX_READ: i64 = 100;

/// A component that a plugin became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationRow {
    /// The plugin's name.
    pub plugin: String,
    /// The component's digest.
    pub digest: String,
    /// From when on.
    pub at: Time,
    /// By whom.
    pub who: String,
    /// Where it came from: a file's path, `bundled`, `rollback`.
    pub source: String,
}

/// Reads a [`GenerationRow`].
macro_rules! generation_row {
    ($row:ident) => {
        Ok::<_, sqlx::Error>(GenerationRow {
            plugin: $row.try_get(0)?,
            digest: $row.try_get(1)?,
            at: Time::from_nanos($row.try_get::<i64, _>(2)?.cast_unsigned()),
            who: $row.try_get(3)?,
            source: $row.try_get(4)?,
        })
    };
}

impl Store {
    /// Notes that a plugin is this from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_generation(&self, row: &GenerationRow) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO generations (plugin, digest, at, who, source) VALUES ($1, $2, $3, $4, $5)";
        check_storable([&row.plugin, &row.digest, &row.who, &row.source])?;
        with_pool!(self, |pool| {
            let add = sqlx::query(ADD).bind(&row.plugin).bind(&row.digest).bind(row.at.as_nanos().cast_signed());
            add.bind(&row.who).bind(&row.source).execute(pool).await.map(drop)
        })
        .map_err(StoreError::during("note what a plugin became"))
    }

    /// What a plugin was, newest first, the last hundred.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn generations(&self, plugin: &str) -> Result<Vec<GenerationRow>, StoreError> {
        const READ: &str = "SELECT plugin, digest, at, who, source FROM generations WHERE plugin = $1 \
             ORDER BY id DESC LIMIT $2";
        if !is_storable(plugin) {
            return Ok(Vec::new());
        }
        with_pool!(self, |pool| {
            let rows = sqlx::query(READ).bind(plugin).bind(MAX_READ).fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| generation_row!(row)).collect())
        })
        .map_err(StoreError::during("read what a plugin was"))
    }

    /// What plugins became before a moment, with its number, oldest first, so many at most.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn old_generations(&self, before: Time, at_most: u32) -> Result<Vec<(i64, GenerationRow)>, StoreError> {
        const READ: &str = "SELECT plugin, digest, at, who, source, id FROM generations WHERE at < $1 \
             ORDER BY id LIMIT $2";
        let before = before.as_nanos().cast_signed();
        with_pool!(self, |pool| {
            let rows = sqlx::query(READ).bind(before).bind(i64::from(at_most)).fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| Ok((row.try_get(5)?, generation_row!(row)?))).collect())
        })
        .map_err(StoreError::during("read what plugins were long ago"))
    }

    /// Removes what is noted under these numbers.
    ///
    /// # Errors
    /// If the database fails; then none of it was removed.
    pub async fn remove_generations(&self, ids: &[i64]) -> Result<(), StoreError> {
        const REMOVE: &str = "DELETE FROM generations WHERE id = $1";
        in_transaction!(self, "remove what plugins were long ago", |connection, failed| {
            for id in ids {
                sqlx::query(REMOVE).bind(*id).execute(&mut *connection).await.map_err(&failed)?;
            }
        });
        Ok(())
    }
}
