//! Looking at a database without changing it.

use std::str::FromStr as _;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::migrations;
use crate::{Store, StoreError};

/// In which form the tables of a database are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// There are none: the first start makes them.
    None,
    /// An older version's: the next start brings them to this one's.
    Older,
    /// This version's.
    Current,
    /// A newer version's: this one does not start over them.
    Newer,
}

const LAST: &str = "SELECT MAX(version) FROM _sqlx_migrations";

impl Store {
    /// Looks at `postgres://...`, `sqlite:PATH`, or the SQLite file at a plain path. Nothing is made or changed.
    ///
    /// # Errors
    /// If it cannot be opened or reached.
    pub async fn look(place: &str) -> Result<Form, StoreError> {
        if place.starts_with("postgres://") || place.starts_with("postgresql://") {
            return look_postgres(place).await;
        }
        let path = place.strip_prefix("sqlite:").unwrap_or(place);
        look_sqlite(path.strip_prefix("//").unwrap_or(path)).await
    }
}

async fn look_sqlite(path: &str) -> Result<Form, StoreError> {
    const THERE: &str = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let failed = |source| StoreError::Open { database: path.to_owned(), source };
    if !std::path::Path::new(path).exists() {
        return Ok(Form::None);
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection: SqliteConnection = options.connect().await.map_err(failed)?;
    let there: i64 = sqlx::query_scalar(THERE).fetch_one(&mut connection).await.map_err(failed)?;
    let last: Option<i64> = match there {
        0 => None,
        _ => sqlx::query_scalar(LAST).fetch_one(&mut connection).await.map_err(failed)?,
    };
    connection.close().await.map_err(failed)?;
    Ok(form(last, &migrations::sqlite()))
}

async fn look_postgres(url: &str) -> Result<Form, StoreError> {
    const THERE: &str = "SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations'";
    let failed = |source| StoreError::Open { database: "postgres".to_owned(), source };
    let options = PgConnectOptions::from_str(url).map_err(failed)?;
    let mut connection: PgConnection = options.connect().await.map_err(failed)?;
    let there: i64 = sqlx::query_scalar(THERE).fetch_one(&mut connection).await.map_err(failed)?;
    let last: Option<i64> = match there {
        0 => None,
        _ => sqlx::query_scalar(LAST).fetch_one(&mut connection).await.map_err(failed)?,
    };
    connection.close().await.map_err(failed)?;
    Ok(form(last, &migrations::postgres()))
}

fn form(last: Option<i64>, migrator: &Migrator) -> Form {
    let own = migrator.iter().map(|migration| migration.version).max();
    match last {
        None => Form::None,
        last if last < own => Form::Older,
        last if last > own => Form::Newer,
        Some(_) => Form::Current,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Settings;

    #[tokio::test]
    async fn a_look_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("muster.db");
        let place = file.to_string_lossy().into_owned();
        assert_eq!(Store::look(&place).await.unwrap(), Form::None);
        assert!(!file.exists(), "it was made");
        let store = Store::open_sqlite(&file, &Settings::default()).await.unwrap();
        assert_eq!(Store::look(&format!("sqlite://{place}")).await.unwrap(), Form::Current);
        let crate::database::Database::Sqlite(pool) = &store.database else { panic!("it is SQLite") };
        let newest = "UPDATE _sqlx_migrations SET version = 99999999999999 \
             WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
        sqlx::query(newest).execute(pool).await.unwrap();
        assert_eq!(Store::look(&place).await.unwrap(), Form::Newer);
        sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 99999999999999").execute(pool).await.unwrap();
        assert_ne!(Store::look(&place).await.unwrap(), Form::Current);
    }
}
