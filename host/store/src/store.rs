//! Opening a store.

use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::database::{Database, with_pool};
use crate::migrations;
use crate::open_lock::OpenLock;
use crate::{Settings, StoreError};

/// An open store. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) database: Database,
}

impl Store {
    /// Opens `postgres://...`, `sqlite:PATH`, or the SQLite file at a plain path.
    ///
    /// # Errors
    /// If it cannot be opened, or brought to this version's form.
    pub async fn open(place: &str, settings: &Settings) -> Result<Store, StoreError> {
        if place.starts_with("postgres://") || place.starts_with("postgresql://") {
            return Store::open_postgres(place, settings).await;
        }
        let path = place.strip_prefix("sqlite:").unwrap_or(place);
        Store::open_sqlite(Path::new(path.strip_prefix("//").unwrap_or(path)), settings).await
    }

    /// Opens one SQLite file, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be opened, or brought to this version's form.
    pub async fn open_sqlite(path: &Path, settings: &Settings) -> Result<Store, StoreError> {
        let database = path.display().to_string();
        let _lock = OpenLock::take(path, settings.busy_timeout).await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(settings.busy_timeout);
        let pool = SqlitePoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout + settings.busy_timeout)
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open { database: database.clone(), source })?;
        migrations::sqlite().run(&pool).await.map_err(|source| StoreError::Migrate { database, source })?;
        Ok(Store { database: Database::Sqlite(pool) })
    }

    /// Opens a PostgreSQL database, which must exist.
    ///
    /// # Errors
    /// If it cannot be reached, or brought to this version's form.
    pub async fn open_postgres(url: &str, settings: &Settings) -> Result<Store, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|source| StoreError::Open { database: "postgres".to_owned(), source })?;
        let database = format!(
            "postgres://{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default()
        );
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open { database: database.clone(), source })?;
        migrations::postgres().run(&pool).await.map_err(|source| StoreError::Migrate { database, source })?;
        Ok(Store { database: Database::Postgres(pool) })
    }

    /// Closes its connections, of all clones.
    pub async fn close(&self) {
        with_pool!(self, |pool| pool.close().await);
    }
}

/// Whether both databases can hold this text: PostgreSQL cannot hold NUL, so no row has such a name.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// Refuses text that a database cannot hold.
pub(crate) fn check_storable<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), StoreError> {
    match texts.into_iter().find(|text| !is_storable(text)) {
        Some(text) => Err(StoreError::Name { name: text.clone() }),
        None => Ok(()),
    }
}
