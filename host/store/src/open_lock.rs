//! The lock under which an SQLite file is opened.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::StoreError;

/// Between two tries to take the lock.
const RETRY: Duration = Duration::from_millis(20);

/// Held while a file is opened: neither changing to WAL mode nor SQLite's migrator waits for another process that does
/// the same. The operating system gives it up when its holder dies.
#[derive(Debug)]
pub(crate) struct OpenLock {
    _file: File,
}

impl OpenLock {
    pub(crate) async fn take(database: &Path, patience: Duration) -> Result<OpenLock, StoreError> {
        let failed = |source| StoreError::Folder { path: database.to_owned(), source };
        if let Some(folder) = database.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut name = OsString::from(database);
        name.push(".lock");
        let lock = PathBuf::from(name);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock).map_err(failed)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(OpenLock { _file: file }),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(StoreError::Locked { path: database.to_owned() });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}
