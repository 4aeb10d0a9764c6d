//! How the store fails.

use std::io;
use std::path::PathBuf;

use engine::BuildId;
use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::Epoch;

/// What could not be done; nothing of it was. Messages fit after "failed to".
#[derive(Debug, Error)]
pub enum StoreError {
    /// The folder or the lock beside an SQLite file.
    #[error("prepare the folder of database `{}`", path.display())]
    Folder {
        /// The database file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// Another process has been opening it for too long.
    #[error("open database `{}`: another process holds `{}.lock`", path.display(), path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// The database cannot be opened or reached.
    #[error("open database `{database}`")]
    Open {
        /// Where it is, without a password.
        database: String,
        /// The database's reason.
        #[source]
        source: sqlx::Error,
    },
    /// Its tables cannot be brought to this version's form.
    #[error("bring database `{database}` to this version's form")]
    Migrate {
        /// Where it is, without a password.
        database: String,
        /// The reason.
        #[source]
        source: MigrateError,
    },
    /// A newer coordinator has taken over: this one must stop.
    #[error("commit under epoch {held}: a newer one was claimed")]
    Superseded {
        /// The epoch that was held.
        held: Epoch,
    },
    /// A build that is to be finished is unknown or finished already.
    #[error("finish build {build}: it is not an unfinished build of scope `{scope}`")]
    NotUnfinished {
        /// Which.
        build: BuildId,
        /// In which scope.
        scope: String,
    },
    /// A submission came twice: the build of the first one counts.
    #[error("submit under the request key {key:?}: it was used before")]
    RequestKnown {
        /// The key.
        key: String,
    },
    /// A name holds a NUL character, which PostgreSQL cannot store.
    #[error("store the name {name:?}: it holds a NUL character")]
    Name {
        /// The name.
        name: String,
    },
    /// A name of a project or a builder that an index of PostgreSQL cannot hold.
    #[error("store a name of {bytes} bytes: {most} is the most that a project or a builder may have")]
    LongName {
        /// Its length.
        bytes: usize,
        /// The most.
        most: usize,
    },
    /// A packed history is not as this version writes it.
    #[error("read the durations of `{name}`: {bytes} bytes are no whole number of entries")]
    Packed {
        /// The test or phase.
        name: String,
        /// The length found.
        bytes: usize,
    },
    /// A statement failed.
    #[error("{operation}")]
    Database {
        /// What it was for, as a fragment: `commit records`.
        operation: &'static str,
        /// The database's reason.
        #[source]
        source: sqlx::Error,
    },
}

/// What kind of failure it was: what callers decide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The database's disk is full.
    DiskFull,
    /// A newer coordinator has taken over.
    Superseded,
    /// It cannot be reached, or is busy: asking again may help.
    Unavailable,
    /// Anything else.
    Other,
}

impl StoreError {
    pub(crate) fn during(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
        move |source| StoreError::Database { operation, source }
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            StoreError::Superseded { .. } => Cause::Superseded,
            StoreError::Locked { .. } => Cause::Unavailable,
            StoreError::Folder { source, .. } if source.kind() == io::ErrorKind::StorageFull => Cause::DiskFull,
            StoreError::Open { source, .. }
            | StoreError::Database { source, .. }
            | StoreError::Migrate { source: MigrateError::Execute(source), .. }
            | StoreError::Migrate { source: MigrateError::ExecuteMigration(source, _), .. } => cause_of(source),
            StoreError::Folder { .. }
            | StoreError::Migrate { .. }
            | StoreError::NotUnfinished { .. }
            | StoreError::RequestKnown { .. }
            | StoreError::Name { .. }
            | StoreError::LongName { .. }
            | StoreError::Packed { .. } => Cause::Other,
        }
    }
}

/// SQLite's primary result codes and PostgreSQL's SQLSTATEs that mean something to a caller.
fn cause_of(error: &sqlx::Error) -> Cause {
    const SQLITE_BUSY: i32 = 5;
    const SQLITE_LOCKED: i32 = 6;
    const SQLITE_FULL: i32 = 13;
    const SQLITE_IOERR_WRITE: i32 = 778;
    const SQLITE_IOERR_SHMSIZE: i32 = 4874;
    if let sqlx::Error::Database(database) = error {
        let code = database.code().unwrap_or_default();
        return match code.as_ref() {
            "53100" => Cause::DiskFull,
            // Too many connections; it is shutting down, crashed or starting; a deadlock, of which one had to give way.
            "53300" | "57P01" | "57P02" | "57P03" | "40001" | "40P01" => Cause::Unavailable,
            broken if broken.len() == 5 && broken.starts_with("08") => Cause::Unavailable,
            other => match other.parse::<i32>() {
                // SQLite's own codes are at most two bytes; SQLSTATEs of five digits are larger.
                Ok(SQLITE_FULL | SQLITE_IOERR_WRITE | SQLITE_IOERR_SHMSIZE) => Cause::DiskFull,
                Ok(code) if code < 10_000 && matches!(code & 0xff, SQLITE_BUSY | SQLITE_LOCKED) => Cause::Unavailable,
                _ => Cause::Other,
            },
        };
    }
    if matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) {
        return Cause::Unavailable;
    }
    Cause::Other
}
