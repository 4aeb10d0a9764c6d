//! What was done to the service itself: reloads, swaps, changes of tokens; who and when.

use engine::Time;
use sqlx::Row as _;

use crate::database::with_pool;
use crate::store::check_storable;
use crate::{Store, StoreError};

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// When.
    pub at: Time,
    /// By whom.
    pub who: String,
    /// What kind of thing: `reload`, `swap`, `token`.
    pub kind: String,
    /// To what.
    pub subject: String,
    /// What else there is to know, opaque here.
    pub detail_json: String,
}

/// Reads a number and its [`ServiceEvent`].
macro_rules! event_row {
    ($row:ident) => {{
        let event = ServiceEvent {
            at: Time::from_nanos($row.try_get::<i64, _>(1)?.cast_unsigned()),
            who: $row.try_get(2)?,
            kind: $row.try_get(3)?,
            subject: $row.try_get(4)?,
            detail_json: $row.try_get(5)?,
        };
        Ok::<_, sqlx::Error>(($row.try_get::<i64, _>(0)?, event))
    }};
}

/// Finds the events that are old.
macro_rules! old {
    () => {
        "SELECT id FROM events WHERE at < $1 AND id < (SELECT MAX(id) FROM events) ORDER BY id LIMIT $2"
    };
}

impl Store {
    /// Adds an event, and returns its number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn add_event(&self, event: &ServiceEvent) -> Result<i64, StoreError> {
        const ADD: &str =
            "INSERT INTO events (at, who, kind, subject, detail) VALUES ($1, $2, $3, $4, $5) RETURNING id";
        check_storable([&event.who, &event.kind, &event.subject, &event.detail_json])?;
        with_pool!(self, |pool| {
            let add = sqlx::query_scalar(ADD).bind(event.at.as_nanos().cast_signed()).bind(&event.who);
            add.bind(&event.kind).bind(&event.subject).bind(&event.detail_json).fetch_one(pool).await
        })
        .map_err(StoreError::during("note what was done"))
    }

    /// Events with their numbers, newest first; those before a number, if one is given.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn events(&self, before: Option<i64>, limit: u32) -> Result<Vec<(i64, ServiceEvent)>, StoreError> {
        const READ: &str = "SELECT id, at, who, kind, subject, detail FROM events WHERE id < $1 \
             ORDER BY id DESC LIMIT $2";
        with_pool!(self, |pool| {
            let read = sqlx::query(READ).bind(before.unwrap_or(i64::MAX)).bind(i64::from(limit));
            let rows = read.fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| event_row!(row)).collect())
        })
        .map_err(StoreError::during("read what was done"))
    }

    /// How many events [`remove_events`](Store::remove_events) would remove.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn old_events(&self, before: Time, at_most: u32) -> Result<u64, StoreError> {
        const COUNT: &str = concat!("SELECT COUNT(*) FROM (", old!(), ") AS old");
        let before = before.as_nanos().cast_signed();
        let count: i64 = with_pool!(self, |pool| {
            sqlx::query_scalar(COUNT).bind(before).bind(i64::from(at_most)).fetch_one(pool).await
        })
        .map_err(StoreError::during("look for what was done long ago"))?;
        Ok(count.cast_unsigned())
    }

    /// Removes the oldest events from before a moment, so many at most. The newest of all stays: no number is given twice.
    /// Returns how many went.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove_events(&self, before: Time, at_most: u32) -> Result<u64, StoreError> {
        const REMOVE: &str = concat!("DELETE FROM events WHERE id IN (", old!(), ")");
        let before = before.as_nanos().cast_signed();
        with_pool!(self, |pool| {
            let removed = sqlx::query(REMOVE).bind(before).bind(i64::from(at_most)).execute(pool).await;
            removed.map(|rows| rows.rows_affected())
        })
        .map_err(StoreError::during("remove what was done long ago"))
    }
}
