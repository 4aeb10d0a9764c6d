//! Builds: their numbers, the unfinished ones, and the rows of those that ended.

use engine::{BuildId, Time};
use sqlx::Row;

use crate::database::{in_transaction, with_pool};
use crate::keys::MAX_INDEXED;
use crate::store::check_storable;
use crate::{Store, StoreError};

/// What the scopes of single runs of the command line begin with: the history of one store may be that of a service,
/// too, whose builds are not theirs to remove.
pub const RUN_SCOPES: &str = "build-";

/// What is known of a build from its first moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildHeader {
    /// Its number, from [`Store::next_build`].
    pub build: BuildId,
    /// What is built.
    pub project: String,
    /// How.
    pub builder: String,
    /// Of what.
    pub rev: String,
    /// When it was submitted.
    pub started: Time,
    /// What was asked for, opaque here (JSON); empty for a build of the command line.
    pub submission: String,
}

impl BuildHeader {
    /// Whether every database can hold it.
    ///
    /// # Errors
    /// [`StoreError::Name`] if one of its texts holds a NUL character, [`StoreError::LongName`] if its project or its
    /// builder has more than 1,000 bytes.
    pub fn check(&self) -> Result<(), StoreError> {
        check_storable([&self.project, &self.builder, &self.rev, &self.submission])?;
        match [&self.project, &self.builder].into_iter().find(|name| name.len() > MAX_INDEXED) {
            Some(name) => Err(StoreError::LongName { bytes: name.len(), most: MAX_INDEXED }),
            None => Ok(()),
        }
    }
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedBuild {
    /// Which.
    pub build: BuildId,
    /// When.
    pub ended: Time,
    /// `passed`, `failed`, `errored` or `canceled`.
    pub outcome: String,
    /// What its page shows, opaque here.
    pub summary_json: String,
}

/// A finished build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRow {
    /// What was known from its first moment.
    pub header: BuildHeader,
    /// How it ended.
    pub finished: FinishedBuild,
}

/// Inserts the row of a build that begins.
macro_rules! begin {
    ($connection:ident, $epoch:expr, $header:expr) => {
        sqlx::query(
            "INSERT INTO builds (build, scope, project, builder, rev, started, submission) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind($header.build.0.cast_signed())
        .bind(&$epoch.scope)
        .bind(&$header.project)
        .bind(&$header.builder)
        .bind(&$header.rev)
        .bind($header.started.as_nanos().cast_signed())
        .bind(&$header.submission)
        .execute(&mut *$connection)
        .await
    };
}

/// Marks a build as finished.
macro_rules! finish {
    ($connection:ident, $epoch:expr, $finished:expr) => {
        sqlx::query(
            "UPDATE builds SET ended = $1, outcome = $2, summary = $3 \
             WHERE build = $4 AND scope = $5 AND ended IS NULL",
        )
        .bind($finished.ended.as_nanos().cast_signed())
        .bind(&$finished.outcome)
        .bind(&$finished.summary_json)
        .bind($finished.build.0.cast_signed())
        .bind(&$epoch.scope)
        .execute(&mut *$connection)
        .await
    };
}

/// Reads `build, project, builder, rev, started, submission`.
macro_rules! header {
    ($row:ident) => {
        Ok::<_, sqlx::Error>(BuildHeader {
            build: BuildId($row.try_get::<i64, _>(0)?.cast_unsigned()),
            project: $row.try_get(1)?,
            builder: $row.try_get(2)?,
            rev: $row.try_get(3)?,
            started: Time::from_nanos($row.try_get::<i64, _>(4)?.cast_unsigned()),
            submission: $row.try_get(5)?,
        })
    };
}

/// Reads a header and `ended, outcome, summary`.
macro_rules! finished_row {
    ($row:ident) => {{
        let header: BuildHeader = header!($row)?;
        Ok::<_, sqlx::Error>(FinishedRow {
            finished: FinishedBuild {
                build: header.build,
                ended: Time::from_nanos($row.try_get::<i64, _>(6)?.cast_unsigned()),
                outcome: $row.try_get(7)?,
                summary_json: $row.try_get(8)?,
            },
            header,
        })
    }};
}

pub(crate) use {begin, finish, finished_row, header};

/// Removes all that is known of one build.
pub(crate) const REMOVE: [&str; 3] = [
    "DELETE FROM records WHERE build = $1",
    "DELETE FROM requests WHERE build = $1",
    "DELETE FROM builds WHERE build = $1",
];

impl Store {
    /// A number for a new build, never given before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_build(&self) -> Result<BuildId, StoreError> {
        const NEXT: &str = "INSERT INTO counters (name, value) VALUES ('build', 1) \
             ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value";
        let number: i64 = with_pool!(self, |pool| sqlx::query_scalar(NEXT).fetch_one(pool).await)
            .map_err(StoreError::during("number a build"))?;
        Ok(BuildId(number.cast_unsigned()))
    }

    /// The builds of a scope that have not ended, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unfinished(&self, scope: &str) -> Result<Vec<BuildHeader>, StoreError> {
        const READ: &str = "SELECT build, project, builder, rev, started, submission FROM builds \
             WHERE scope = $1 AND ended IS NULL ORDER BY build";
        with_pool!(self, |pool| {
            let rows = sqlx::query(READ).bind(scope).fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| header!(row)).collect())
        })
        .map_err(StoreError::during("read the unfinished builds"))
    }

    /// The builds that ended last, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn finished(&self, limit: u32) -> Result<Vec<FinishedRow>, StoreError> {
        const READ: &str = "SELECT build, project, builder, rev, started, submission, ended, outcome, summary FROM builds \
             WHERE ended IS NOT NULL ORDER BY ended DESC, build DESC LIMIT $1";
        with_pool!(self, |pool| {
            let rows = sqlx::query(READ).bind(i64::from(limit)).fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| finished_row!(row)).collect())
        })
        .map_err(StoreError::during("read the finished builds"))
    }

    /// The builds that ended after a moment, or in it with a higher number, in the order in which they ended: when, and
    /// which.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn finished_after(
        &self,
        (ended, build): (Time, BuildId),
        limit: u32,
    ) -> Result<Vec<(Time, BuildId)>, StoreError> {
        const READ: &str = "SELECT ended, build FROM builds WHERE ended IS NOT NULL AND (ended, build) > ($1, $2) \
             ORDER BY ended, build LIMIT $3";
        let (ended, build) = (ended.as_nanos().cast_signed(), build.0.cast_signed());
        let rows: Vec<(i64, i64)> = with_pool!(self, |pool| {
            sqlx::query_as(READ).bind(ended).bind(build).bind(i64::from(limit)).fetch_all(pool).await
        })
        .map_err(StoreError::during("read the finished builds"))?;
        let place =
            |(ended, build): (i64, i64)| (Time::from_nanos(ended.cast_unsigned()), BuildId(build.cast_unsigned()));
        Ok(rows.into_iter().map(place).collect())
    }

    /// Removes all finished builds of the command line ([`RUN_SCOPES`]) but the newest `keep` of these, their records
    /// included. Returns how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn prune_finished(&self, keep: u32) -> Result<u64, StoreError> {
        const OLD: &str = "SELECT build FROM builds WHERE ended IS NOT NULL AND scope LIKE $1 \
             ORDER BY ended DESC, build DESC LIMIT 9223372036854775807 OFFSET $2";
        let mut removed = 0;
        in_transaction!(self, "forget old builds", |connection, failed| {
            let old = sqlx::query_scalar(OLD).bind(format!("{RUN_SCOPES}%")).bind(i64::from(keep));
            let old: Vec<i64> = old.fetch_all(&mut *connection).await.map_err(&failed)?;
            for build in old {
                for remove in REMOVE {
                    sqlx::query(remove).bind(build).execute(&mut *connection).await.map_err(&failed)?;
                }
                removed += 1;
            }
        });
        Ok(removed)
    }
}
