//! What a coordinator reads when it starts: its unfinished builds with their records.

use engine::BuildId;
use sqlx::Row as _;

use crate::database::with_pool;
use crate::{BuildHeader, Store, StoreError};

/// A build that has not ended, with all that was recorded of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What was known from its first moment.
    pub header: BuildHeader,
    /// Its records by number.
    pub records: Vec<(u64, String)>,
}

impl Store {
    /// The builds of a scope that have not ended, oldest first, with their records. Whoever holds the scope's epoch
    /// reads what is there; for others a build may be a few records further than the one before it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn recovery(&self, scope: &str) -> Result<Vec<Unfinished>, StoreError> {
        // All of them in one statement: a queue may hold tens of thousands, and each question is a way to the database and back.
        const READ: &str = "SELECT records.build, seq, json FROM records \
             JOIN builds ON builds.build = records.build \
             WHERE builds.scope = $1 AND builds.ended IS NULL ORDER BY records.build, seq";
        let headers = self.unfinished(scope).await?;
        let rows: Vec<(i64, i64, String)> = with_pool!(self, |pool| {
            let rows = sqlx::query(READ).bind(scope).fetch_all(pool).await;
            rows.and_then(|rows| {
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
            })
        })
        .map_err(StoreError::during("read the records of the unfinished builds"))?;
        let mut rows = rows.into_iter().peekable();
        let mut builds = Vec::with_capacity(headers.len());
        for header in headers {
            let mut records = Vec::new();
            // Both are in the order of builds; one that began between the two statements has no header yet.
            while let Some((build, seq, json)) =
                rows.next_if(|(build, _, _)| BuildId(build.cast_unsigned()) <= header.build)
            {
                if BuildId(build.cast_unsigned()) == header.build {
                    records.push((seq.cast_unsigned(), json));
                }
            }
            builds.push(Unfinished { header, records });
        }
        Ok(builds)
    }
}
