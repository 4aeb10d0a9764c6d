//! What is committed at once, and the reading of records.

use engine::BuildId;
use sqlx::{QueryBuilder, Row};

use crate::database::{in_transaction, with_pool};
use crate::{BuildHeader, Epoch, FinishedBuild, Request, Store, StoreError, builds, epoch, requests};

/// Rows of one INSERT: three values each stay far below the 32,766 that SQLite binds.
const ROWS_PER_INSERT: usize = 1_000;

/// What is made durable in one transaction, in this order: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Builds that begin.
    pub begun: Vec<BuildHeader>,
    /// Records of any builds.
    pub records: Vec<RecordRow>,
    /// Builds that end.
    pub finished: Vec<FinishedBuild>,
    /// Keys of the submissions among those that begin; one that is known refuses the whole commit.
    pub requests: Vec<Request>,
}

/// One record, as its writer encoded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Whose.
    pub build: BuildId,
    /// Its place; no two of one build are equal.
    pub seq: u64,
    /// Its content, opaque here.
    pub json: String,
}

impl Store {
    /// Commits all of this in one transaction, if the epoch is still held.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] if it is not; [`StoreError::RequestKnown`] if a request's key is known; those of
    /// [`BuildHeader::check`]; or if the database fails. In each case nothing was committed.
    pub async fn commit(&self, held: &Epoch, commit: &Commit) -> Result<(), StoreError> {
        commit.begun.iter().try_for_each(BuildHeader::check)?;
        in_transaction!(self, "commit records", |connection, failed| {
            epoch::hold!(self, connection, held, failed);
            for request in &commit.requests {
                let rows = requests::insert!(connection, request).map_err(&failed)?;
                if rows.rows_affected() != 1 {
                    return Err(StoreError::RequestKnown { key: request.key.clone() });
                }
            }
            for header in &commit.begun {
                builds::begin!(connection, held, header).map_err(&failed)?;
            }
            for rows in commit.records.chunks(ROWS_PER_INSERT) {
                let mut insert = QueryBuilder::new("INSERT INTO records (build, seq, json) ");
                insert.push_values(rows, |mut row, record| {
                    row.push_bind(record.build.0.cast_signed())
                        .push_bind(record.seq.cast_signed())
                        .push_bind(record.json.as_str());
                });
                insert.build().execute(&mut *connection).await.map_err(&failed)?;
            }
            for finished in &commit.finished {
                let rows = builds::finish!(connection, held, finished).map_err(&failed)?;
                if rows.rows_affected() != 1 {
                    return Err(StoreError::NotUnfinished { build: finished.build, scope: held.scope.clone() });
                }
            }
        });
        Ok(())
    }

    /// Appends records of one build; see [`commit`](Store::commit).
    ///
    /// # Errors
    /// As `commit`.
    pub async fn append(&self, held: &Epoch, build: BuildId, records: &[(u64, String)]) -> Result<(), StoreError> {
        let records = records.iter().map(|(seq, json)| RecordRow { build, seq: *seq, json: json.clone() }).collect();
        self.commit(held, &Commit { records, ..Commit::default() }).await
    }

    /// The records of a build, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn records(&self, build: BuildId) -> Result<Vec<(u64, String)>, StoreError> {
        // Numbers begin at 0, so that none is left out.
        self.records_between(build, -1, i64::MAX).await
    }

    /// The records of a build behind one of them, in order, `limit` at most.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn records_after(&self, build: BuildId, seq: u64, limit: u32) -> Result<Vec<(u64, String)>, StoreError> {
        self.records_between(build, i64::try_from(seq).unwrap_or(i64::MAX), i64::from(limit)).await
    }

    /// The first records of the builds that are shown, behind a build in the order of their numbers, `limit` at most. A
    /// build without records is not among them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn first_records(
        &self,
        after: Option<BuildId>,
        limit: u32,
    ) -> Result<Vec<(BuildId, String)>, StoreError> {
        // The plus as in the pages of builds.
        const READ: &str = "SELECT builds.build, records.json FROM builds JOIN records ON records.build = builds.build \
             AND records.seq = (SELECT MIN(seq) FROM records AS own WHERE own.build = builds.build) \
             WHERE +builds.forgotten = 0 AND builds.build > $1 ORDER BY builds.build LIMIT $2";
        let after = after.map_or(-1, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
        with_pool!(self, |pool| {
            let rows = sqlx::query(READ).bind(after).bind(i64::from(limit)).fetch_all(pool).await;
            rows.and_then(|rows| {
                rows.iter()
                    .map(|row| Ok((BuildId(row.try_get::<i64, _>(0)?.cast_unsigned()), row.try_get(1)?)))
                    .collect()
            })
        })
        .map_err(StoreError::during("read what builds began with"))
    }

    async fn records_between(&self, build: BuildId, after: i64, limit: i64) -> Result<Vec<(u64, String)>, StoreError> {
        const READ: &str = "SELECT seq, json FROM records WHERE build = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        with_pool!(self, |pool| {
            let rows = sqlx::query(READ).bind(build.0.cast_signed()).bind(after).bind(limit).fetch_all(pool).await;
            rows.and_then(|rows| {
                rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)?.cast_unsigned(), row.try_get(1)?))).collect()
            })
        })
        .map_err(StoreError::during("read the records of a build"))
    }
}
