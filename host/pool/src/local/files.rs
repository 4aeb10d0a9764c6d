//! Files that the next life of the pool reads: only their owner's, whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The file that is locked while the folder is in use.
const LOCK: &str = "lock";

/// Makes a folder if need be and locks it for as long as the file lives.
pub(super) fn lock_folder(folder: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(io::Error::other("another process uses it")),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Writes a file that only its owner can read; it is on disk when this returns.
pub(super) fn write_entry<T: Serialize>(path: &Path, entry: &T) -> io::Result<()> {
    let text = serde_json::to_vec(entry).map_err(io::Error::other)?;
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The name is on disk when its folder is.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Reads an entry; one that is not understood stays where it is, and is said to be there.
pub(super) fn read_entry<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let read = fs::read(path).and_then(|text| serde_json::from_slice(&text).map_err(io::Error::other));
    match read {
        Ok(entry) => Some(entry),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file of an earlier life is not understood");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_its_owners_and_is_read_again() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("7.json");
        assert_eq!(read_entry::<String>(&path), None);
        write_entry(&path, &"six".to_owned())?;
        write_entry(&path, &"seven".to_owned())?;
        assert_eq!(read_entry::<String>(&path).as_deref(), Some("seven"));
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        fs::write(&path, "{half")?;
        assert_eq!(read_entry::<String>(&path), None);
        assert!(path.exists());
        Ok(())
    }

    #[test]
    fn a_folder_is_one_processs() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let folder = parent.path().join("folder");
        let lock = lock_folder(&folder)?;
        let refused = lock_folder(&folder).expect_err("it is in use");
        assert!(refused.to_string().contains("another process"), "{refused}");
        drop(lock);
        lock_folder(&folder).map(drop)
    }
}
