//! Observed durations: one row for each test and phase of a series.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sqlx::QueryBuilder;

use crate::database::{in_transaction, with_pool};
use crate::keys::key;
use crate::packed::{self, ENTRY, MAX_READ};
use crate::store::is_storable;
use crate::{Observation, Phase, PhaseDurations, PhaseObserved, Series, Store, StoreError, TestObserved};

/// Rows of one statement: five values each stay far below the 32,766 that SQLite binds.
const ROWS_PER_STATEMENT: usize = 1_000;

/// A test not seen for this long, while others of its series were, is forgotten: it was renamed or removed. 180 days.
const FORGOTTEN_AFTER_SECONDS: u64 = 180 * 24 * 3600;

/// What a row is about.
#[derive(Clone, Copy)]
enum Kind {
    Test = 0,
    Phase = 1,
}

/// What was observed, by the key of its name.
type ByKey<'a> = BTreeMap<Cow<'a, str>, Vec<Observation>>;

/// Reads names and the first bytes of their histories, from one name to another. Both databases walk the primary key for
/// that, whereas for a list of names PostgreSQL, which has no statistics of a new table, may look at every row.
const RANGE: &str = "SELECT name, substr(newest, 1, $1) FROM observations \
     WHERE series = $2 AND kind = $3 AND name >= $4 AND name <= $5";

/// Up to so many names are looked up one by one: they may stand far apart. More are read in ranges.
const MAX_LOOKED_UP: usize = 100;

impl Store {
    /// Adds what a build observed. What the same build told of the same test before is replaced; of each test and phase
    /// the newest [`MAX_STORED`](crate::MAX_STORED) are kept.
    ///
    /// # Errors
    /// If the database fails; nothing was added then.
    pub async fn observe(
        &self,
        series: &Series,
        tests: &[TestObserved],
        phases: &[PhaseObserved],
    ) -> Result<(), StoreError> {
        // The no-op update locks the row: two builds of one series add one after the other.
        const SERIES: &str = "INSERT INTO series (project, builder, host_type) VALUES ($1, $2, $3) \
             ON CONFLICT (project, builder, host_type) DO UPDATE SET project = excluded.project RETURNING id";
        const FORGET: &str = "DELETE FROM observations WHERE series = $1 AND kind = $2 AND seen < $3";
        let tests = tests_by_key(tests)?;
        let phases = phases_by_key(phases);
        let newest = tests.values().flatten().map(|observation| observation.at).max().unwrap_or(0);
        in_transaction!(self, "add observed durations", |connection, failed| {
            let id: i64 = sqlx::query_scalar(SERIES)
                .bind(&series.project)
                .bind(&series.builder)
                .bind(&series.host_type)
                .fetch_one(&mut *connection)
                .await
                .map_err(&failed)?;
            for (kind, observed) in [(Kind::Test, &tests), (Kind::Phase, &phases)] {
                let observed: Vec<_> = observed.iter().collect();
                for rows in observed.chunks(ROWS_PER_STATEMENT) {
                    let (first, last): (&str, &str) = (rows[0].0, rows[rows.len() - 1].0);
                    let found: Vec<(String, Vec<u8>)> = sqlx::query_as(RANGE)
                        .bind(i32::MAX)
                        .bind(id)
                        .bind(kind as i64)
                        .bind(first)
                        .bind(last)
                        .fetch_all(&mut *connection)
                        .await
                        .map_err(&failed)?;
                    let stored: HashMap<String, Vec<u8>> = found.into_iter().collect();
                    let merged = merge_all(rows, &stored)?;
                    let mut upsert = QueryBuilder::new("INSERT INTO observations (series, kind, name, seen, newest) ");
                    upsert.push_values(merged, |mut row, (name, seen, newest)| {
                        row.push_bind(id).push_bind(kind as i64).push_bind(name).push_bind(seen).push_bind(newest);
                    });
                    upsert.push(
                        " ON CONFLICT (series, kind, name) \
                         DO UPDATE SET seen = excluded.seen, newest = excluded.newest",
                    );
                    upsert.build().execute(&mut *connection).await.map_err(&failed)?;
                }
            }
            sqlx::query(FORGET)
                .bind(id)
                .bind(Kind::Test as i64)
                .bind(newest.saturating_sub(FORGOTTEN_AFTER_SECONDS).cast_signed())
                .execute(&mut *connection)
                .await
                .map_err(&failed)?;
        });
        Ok(())
    }

    /// The newest [`MAX_READ`](crate::MAX_READ) observations of each of these tests, newest first, in the order asked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn observations(
        &self,
        series: &Series,
        tests: &[impl AsRef<str>],
    ) -> Result<Vec<Vec<Observation>>, StoreError> {
        let keys: Vec<Cow<'_, str>> = tests.iter().map(|test| key(test.as_ref())).collect();
        // A name that no row can have is not asked for.
        let names = keys.iter().map(|key| &**key).filter(|name| is_storable(name)).collect();
        let found = self.read(series, Kind::Test, names).await?;
        Ok(keys.iter().map(|key| found.get(&**key).cloned().unwrap_or_default()).collect())
    }

    /// The newest [`MAX_READ`](crate::MAX_READ) observations of each phase.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn phases(&self, series: &Series) -> Result<PhaseDurations, StoreError> {
        let found = self.read(series, Kind::Phase, Phase::ALL.map(Phase::name).to_vec()).await?;
        let durations = |phase: Phase| -> Vec<Duration> {
            found.get(phase.name()).into_iter().flatten().map(|observation| observation.duration).collect()
        };
        Ok(PhaseDurations {
            make: durations(Phase::Make),
            machine_start: durations(Phase::MachineStart),
            setup: durations(Phase::Setup),
            exec_overhead: durations(Phase::ExecOverhead),
        })
    }

    async fn read(
        &self,
        series: &Series,
        kind: Kind,
        mut names: Vec<&str>,
    ) -> Result<HashMap<String, Vec<Observation>>, StoreError> {
        const SERIES: &str = "SELECT id FROM series WHERE project = $1 AND builder = $2 AND host_type = $3";
        let failed = StoreError::during("read observed durations");
        names.sort_unstable();
        names.dedup();
        let chunk = if names.len() <= MAX_LOOKED_UP { 1 } else { ROWS_PER_STATEMENT };
        let read_bytes = i32::try_from(MAX_READ * ENTRY).expect("a few hundred bytes");
        with_pool!(self, |pool| {
            let id: Option<i64> = sqlx::query_scalar(SERIES)
                .bind(&series.project)
                .bind(&series.builder)
                .bind(&series.host_type)
                .fetch_optional(pool)
                .await
                .map_err(&failed)?;
            let Some(id) = id else { return Ok(HashMap::new()) };
            let mut found = HashMap::with_capacity(names.len());
            for names in names.chunks(chunk) {
                let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(RANGE)
                    .bind(read_bytes)
                    .bind(id)
                    .bind(kind as i64)
                    .bind(names[0])
                    .bind(names[names.len() - 1])
                    .fetch_all(pool)
                    .await
                    .map_err(&failed)?;
                for (name, newest) in rows {
                    let observations = unpack(&name, &newest)?;
                    found.insert(name, observations);
                }
            }
            Ok(found)
        })
    }
}

fn tests_by_key(tests: &[TestObserved]) -> Result<ByKey<'_>, StoreError> {
    let mut by_key = ByKey::new();
    for observed in tests {
        if !is_storable(&observed.test) {
            return Err(StoreError::Name { name: observed.test.clone() });
        }
        by_key.entry(key(&observed.test)).or_default().push(observed.observation);
    }
    Ok(by_key)
}

fn phases_by_key(phases: &[PhaseObserved]) -> ByKey<'_> {
    let mut by_key = ByKey::new();
    for observed in phases {
        by_key.entry(key(observed.phase.name())).or_default().push(observed.observation);
    }
    by_key
}

/// A row to be written: name, `seen`, `newest`.
type Written<'a> = (&'a str, i64, Vec<u8>);

fn merge_all<'a>(
    rows: &[(&'a Cow<'_, str>, &Vec<Observation>)],
    stored: &HashMap<String, Vec<u8>>,
) -> Result<Vec<Written<'a>>, StoreError> {
    let mut merged = Vec::with_capacity(rows.len());
    for (name, new) in rows.iter().copied() {
        let name: &'a str = name;
        let old = match stored.get(name) {
            Some(bytes) => unpack(name, bytes)?,
            None => Vec::new(),
        };
        let newest = packed::merge(new, old);
        let seen = newest.first().map_or(0, |observation| observation.at.cast_signed());
        merged.push((name, seen, packed::pack(&newest)));
    }
    Ok(merged)
}

fn unpack(name: &str, bytes: &[u8]) -> Result<Vec<Observation>, StoreError> {
    packed::unpack(bytes).ok_or_else(|| StoreError::Packed { name: name.to_owned(), bytes: bytes.len() })
}
