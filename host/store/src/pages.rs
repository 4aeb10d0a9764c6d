//! Builds as they are looked up and listed.

use engine::{BuildId, Time};
use sqlx::{QueryBuilder, Row as _};

use crate::builds::{finished_row, header};
use crate::database::with_pool;
use crate::store::is_storable;
use crate::{BuildHeader, FinishedBuild, FinishedRow, Store, StoreError};

/// A build, whether it has ended or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildRow {
    /// What was known from its first moment.
    pub header: BuildHeader,
    /// How it ended, if it has.
    pub ended: Option<FinishedBuild>,
}

/// Which builds are asked for: those that fit all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildQuery {
    /// Of this project.
    pub project: Option<String>,
    /// With this builder.
    pub builder: Option<String>,
    /// That ended so: `passed`, `failed`, `errored` or `canceled`.
    pub outcome: Option<String>,
    /// That run or wait (true), or have ended (false).
    pub running: Option<bool>,
    /// Older than this one: the last of the page before.
    pub before: Option<BuildId>,
    /// So many at most.
    pub limit: u32,
}

/// Reads a [`BuildRow`].
macro_rules! build_row {
    ($row:ident) => {{
        let running = $row.try_get::<Option<i64>, _>(6)?.is_none();
        if running {
            Ok::<_, sqlx::Error>(BuildRow { header: header!($row)?, ended: None })
        } else {
            let FinishedRow { header, finished } = finished_row!($row)?;
            Ok(BuildRow { header, ended: Some(finished) })
        }
    }};
}

const COLUMNS: &str = "SELECT build, project, builder, rev, started, submission, ended, outcome, summary FROM builds ";

/// Adds what a [`BuildQuery`] says. The bound on the number is always there: it has the index walked from its place.
/// The plus keeps SQLite from taking the index on `forgotten`, which almost no row is, and sorting what it finds.
macro_rules! push_conditions {
    ($query:ident, $asked:expr) => {
        let before = $asked.before.map_or(i64::MAX, |before| i64::try_from(before.0).unwrap_or(i64::MAX));
        $query.push("WHERE +forgotten = 0 AND build < ").push_bind(before);
        let names = [("project", &$asked.project), ("builder", &$asked.builder), ("outcome", &$asked.outcome)];
        for (column, name) in names {
            if let Some(name) = name {
                $query.push(" AND ").push(column).push(" = ").push_bind(name.clone());
            }
        }
        match $asked.running {
            Some(true) => drop($query.push(" AND ended IS NULL")),
            Some(false) => drop($query.push(" AND ended IS NOT NULL")),
            None => {}
        }
        $query.push(" ORDER BY build DESC LIMIT ").push_bind(i64::from($asked.limit));
    };
}

impl Store {
    /// A build, unless it is unknown or forgotten.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn build(&self, build: BuildId) -> Result<Option<BuildRow>, StoreError> {
        with_pool!(self, |pool| {
            let mut query = QueryBuilder::new(COLUMNS);
            query.push("WHERE forgotten = 0 AND build = ").push_bind(build.0.cast_signed());
            let row = query.build().fetch_optional(pool).await;
            row.and_then(|row| row.map(|row| build_row!(row)).transpose())
        })
        .map_err(StoreError::during("read a build"))
    }

    /// What was asked for, as it was given; empty for a build of the command line, none for one that is unknown.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn submission(&self, build: BuildId) -> Result<Option<String>, StoreError> {
        const READ: &str = "SELECT submission FROM builds WHERE build = $1";
        let build = build.0.cast_signed();
        with_pool!(self, |pool| sqlx::query_scalar(READ).bind(build).fetch_optional(pool).await)
            .map_err(StoreError::during("read what was submitted"))
    }

    /// The builds asked for, newest first; those that are forgotten are not among them. Every page costs the same.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn builds(&self, asked: &BuildQuery) -> Result<Vec<BuildRow>, StoreError> {
        let names = [&asked.project, &asked.builder, &asked.outcome];
        if names.into_iter().flatten().any(|name| !is_storable(name)) {
            return Ok(Vec::new());
        }
        with_pool!(self, |pool| {
            let mut query = QueryBuilder::new(COLUMNS);
            push_conditions!(query, asked);
            let rows = query.build().fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| build_row!(row)).collect())
        })
        .map_err(StoreError::during("list builds"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::database::Database;

    /// Every kind of page is found by an index: SQLite says how it looks.
    #[tokio::test]
    async fn no_page_looks_at_every_build() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("muster.db"), &Settings::default()).await.unwrap();
        let Database::Sqlite(pool) = &store.database else { panic!("it is SQLite") };
        let word = |set: bool| set.then(|| "x".to_owned());
        for bits in 0..8 {
            for running in [None, Some(true), Some(false)] {
                let asked = BuildQuery {
                    project: word(bits & 1 != 0),
                    builder: word(bits & 2 != 0),
                    outcome: word(bits & 4 != 0),
                    running,
                    before: None,
                    limit: 10,
                };
                let mut query = QueryBuilder::<sqlx::Sqlite>::new("EXPLAIN QUERY PLAN ");
                query.push(COLUMNS);
                push_conditions!(query, asked);
                let plan: Vec<String> =
                    query.build().fetch_all(pool).await.unwrap().iter().map(|row| row.get("detail")).collect();
                let plan = plan.join("; ");
                assert!(plan.starts_with("SEARCH builds USING INDEX"), "{asked:?}: {plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{asked:?} is sorted: {plan}");
            }
        }
        store.close().await;
    }
}
