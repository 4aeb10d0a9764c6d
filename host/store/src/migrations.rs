//! The migrations of both databases, embedded. Forward only: one that was released is never changed.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// One step: the same number and meaning in either database's words.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// The step of the files `migrations/*/NUMBER_NAME.sql`.
macro_rules! step {
    ($version:literal, $number:literal, $name:literal) => {
        Step {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $number, "_", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $number, "_", $name, ".sql")),
        }
    };
}

const STEPS: [Step; 5] = [
    step!(1, "0001", "records"),
    step!(2, "0002", "observations"),
    step!(3, "0003", "ranges"),
    step!(4, "0004", "service"),
    step!(5, "0005", "leases"),
];

/// For SQLite.
pub(crate) fn sqlite() -> Migrator {
    migrator(|step| step.sqlite)
}

/// For PostgreSQL, whose migrator holds an advisory lock.
pub(crate) fn postgres() -> Migrator {
    migrator(|step| step.postgres)
}

fn migrator(words: impl Fn(&Step) -> &'static str) -> Migrator {
    let migration = |step: &Step| {
        let sql = words(step).into_sql_str();
        Migration::new(step.version, step.name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(STEPS.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn every_file_is_embedded_as_it_is_read() {
        for (folder, embedded) in [("sqlite", sqlite()), ("postgres", postgres())] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
            let read = Migrator::new(folder).await.expect("the folder is there");
            let told = |migrator: &Migrator| -> Vec<_> {
                let told = |one: &Migration| (one.version, one.description.to_string(), one.checksum.to_vec());
                migrator.iter().map(told).collect()
            };
            assert_eq!(told(&embedded), told(&read));
        }
    }
}
