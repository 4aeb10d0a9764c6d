//! Old builds: first they are shown no more, and when their records are old, too, they go.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::{BuildId, Time};

use crate::builds::REMOVE;
use crate::database::{in_transaction, with_pool};
use crate::{Store, StoreError};

/// How much is kept. A build that has not ended is never old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What is old is old at this moment.
    pub now: Time,
    /// Builds that ended longer ago are forgotten: neither listed nor shown.
    pub age: Option<Duration>,
    /// So many of those that ended last are shown, the others forgotten.
    pub count: Option<u64>,
    /// Of what is forgotten the records are kept until its end is so long ago, for back-tests; without it, for ever.
    pub records: Option<Duration>,
    /// So many builds are forgotten, and as many removed, in one call; what is left is for the next.
    pub at_most: u32,
}

/// What is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Builds that are shown no more: what else is kept of them may go.
    pub builds: Vec<BuildId>,
    /// Builds whose records go; nothing is known of them any more.
    pub records: Vec<BuildId>,
}

impl Store {
    /// What [`forget`](Store::forget) would do, which it does not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forgettable(&self, retention: &Retention) -> Result<Forgotten, StoreError> {
        const OLD: &str = "SELECT build FROM builds WHERE forgotten = $1 AND ended IS NOT NULL AND ended < $2 \
             ORDER BY ended, build LIMIT $3";
        const MANY: &str = "SELECT build FROM builds WHERE forgotten = 0 AND ended IS NOT NULL \
             ORDER BY ended DESC, build DESC LIMIT $2 OFFSET $1";
        let at_most = i64::from(retention.at_most);
        let before = |age: Duration| retention.now.minus(age).as_nanos().cast_signed();
        let count = retention.count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let (hidden, forgotten) = (retention.age.map(before), retention.records.map(before));
        let (builds, records) = with_pool!(self, |pool| {
            async {
                let mut builds = BTreeSet::new();
                if let Some(before) = hidden {
                    let old: Vec<i64> =
                        sqlx::query_scalar(OLD).bind(0_i64).bind(before).bind(at_most).fetch_all(pool).await?;
                    builds.extend(old);
                }
                if let Some(count) = count {
                    let many: Vec<i64> = sqlx::query_scalar(MANY).bind(count).bind(at_most).fetch_all(pool).await?;
                    builds.extend(many);
                }
                let records: Vec<i64> = match forgotten {
                    Some(before) => {
                        sqlx::query_scalar(OLD).bind(1_i64).bind(before).bind(at_most).fetch_all(pool).await?
                    }
                    None => Vec::new(),
                };
                Ok::<_, sqlx::Error>((builds, records))
            }
            .await
        })
        .map_err(StoreError::during("look for old builds"))?;
        let ids = |builds: Vec<i64>| builds.into_iter().map(|build| BuildId(build.cast_unsigned())).collect();
        let builds = builds.into_iter().take(retention.at_most as usize).collect();
        Ok(Forgotten { builds: ids(builds), records: ids(records) })
    }

    /// Whether it ever had a build whose row is still there, forgotten or not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn knows_builds(&self) -> Result<bool, StoreError> {
        const ANY: &str = "SELECT build FROM builds LIMIT 1";
        let any: Option<i64> = with_pool!(self, |pool| sqlx::query_scalar(ANY).fetch_optional(pool).await)
            .map_err(StoreError::during("look for a build"))?;
        Ok(any.is_some())
    }

    /// Forgets builds that are old, with the keys that they were asked for under, and removes the records of forgotten
    /// ones that are older still.
    ///
    /// # Errors
    /// If the database fails; what was done before stays done.
    pub async fn forget(&self, retention: &Retention) -> Result<Forgotten, StoreError> {
        const FORGET: [&str; 2] = [
            "UPDATE builds SET forgotten = 1 WHERE build = $1 AND ended IS NOT NULL",
            // Its key would lead to what is not shown: sent again, it is a new request.
            "DELETE FROM requests WHERE build = $1",
        ];
        let forgotten = self.forgettable(retention).await?;
        in_transaction!(self, "forget old builds", |connection, failed| {
            for build in &forgotten.builds {
                for forget in FORGET {
                    let forget = sqlx::query(forget).bind(build.0.cast_signed());
                    forget.execute(&mut *connection).await.map_err(&failed)?;
                }
            }
        });
        for build in &forgotten.records {
            self.remove_build(*build).await?;
        }
        Ok(forgotten)
    }

    /// Removes all that is known of one forgotten build, in a transaction of its own: records may be many.
    async fn remove_build(&self, build: BuildId) -> Result<(), StoreError> {
        in_transaction!(self, "remove an old build", |connection, failed| {
            for remove in REMOVE {
                let remove = sqlx::query(remove).bind(build.0.cast_signed());
                remove.execute(&mut *connection).await.map_err(&failed)?;
            }
        });
        Ok(())
    }
}
