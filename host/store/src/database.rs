//! The two databases behind one store. Statements are one text for both; a [`Dialect`] picks where they must differ.

use sqlx::{PgPool, SqlitePool};

/// An open database.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// One file, in WAL mode.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool),
}

/// Which SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl Database {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Database::Sqlite(_) => Dialect::Sqlite,
            Database::Postgres(_) => Dialect::Postgres,
        }
    }
}

impl Dialect {
    /// Begins a transaction that writes. SQLite must take its lock at once: one that reads first and then finds another
    /// writer ahead is refused without waiting.
    pub(crate) fn begin_writing(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }
}

/// Runs one body against whichever database is open: the body is compiled once for each.
macro_rules! with_pool {
    ($store:expr, |$pool:ident| $body:expr) => {
        match &$store.database {
            $crate::database::Database::Sqlite($pool) => $body,
            $crate::database::Database::Postgres($pool) => $body,
        }
    };
}

/// Runs one body in a transaction that writes; it is committed if the body ends well, and otherwise nothing of it stays.
/// The body sees the connection and what makes a [`StoreError`](crate::StoreError) of a failed statement, and may use
/// `?` on that.
macro_rules! in_transaction {
    ($store:expr, $operation:literal, |$connection:ident, $failed:ident| $body:expr) => {{
        let dialect = $store.database.dialect();
        $crate::database::with_pool!($store, |pool| {
            let $failed = $crate::StoreError::during($operation);
            let mut held = pool.acquire().await.map_err(&$failed)?;
            let begun = sqlx::Connection::begin_with(&mut *held, dialect.begin_writing()).await;
            let mut transaction = begun.map_err(&$failed)?;
            let done = async {
                let $connection = &mut *transaction;
                Ok::<_, $crate::StoreError>($body)
            };
            let done = match done.await {
                Ok(value) => transaction.commit().await.map(|()| value).map_err(&$failed),
                Err(error) => {
                    drop(transaction);
                    Err(error)
                }
            };
            if done.is_err() {
                // A database may have ended the transaction by itself (SQLite does on a full disk), unseen by the
                // driver, which would then begin none on this connection any more. Closing it rolls back what is open.
                held.close_on_drop();
            }
            done?
        })
    }};
}

pub(crate) use {in_transaction, with_pool};
