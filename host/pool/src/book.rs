//! Leases that outlive the process, on disk: one file each, only their owner's, whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use buildlet::protocol::Lease;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The file that is locked while the folder is in use.
const LOCK: &str = "lock";
/// The end of an entry's name.
const ENTRY: &str = ".json";

/// The entries of one pool, and the lock that keeps a second process from using them.
#[derive(Debug)]
pub(crate) struct Book<T> {
    folder: PathBuf,
    _lock: File,
    entries: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> Book<T> {
    /// Opens a folder, which is made if need be, and reads what an earlier life wrote.
    pub(crate) fn open(folder: &Path) -> io::Result<(Book<T>, Vec<T>)> {
        let lock = lock_folder(folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                found.extend(read_entry(&path));
            }
        }
        Ok((Book { folder: folder.to_owned(), _lock: lock, entries: PhantomData }, found))
    }

    /// Writes the entry of a lease.
    pub(crate) fn write(&self, number: Lease, entry: &T) -> io::Result<()> {
        write_entry(&self.path(number), entry)
    }

    /// Removes the entry of a lease that is over.
    pub(crate) fn remove(&self, number: Lease) {
        let path = self.path(number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "the entry of a lease that is over could not be removed");
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Where the entries are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, number: Lease) -> PathBuf {
        self.folder.join(format!("{number}{ENTRY}"))
    }
}

/// Makes a folder if need be and locks it for as long as the file lives.
pub(crate) fn lock_folder(folder: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(io::Error::other("another process uses it")),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Writes a file that only its owner can read; it is on disk when this returns.
pub(crate) fn write_entry<T: Serialize>(path: &Path, entry: &T) -> io::Result<()> {
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
pub(crate) fn read_entry<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let read = fs::read(path).and_then(|text| serde_json::from_slice(&text).map_err(io::Error::other));
    match read {
        Ok(entry) => Some(entry),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the entry of a lease is not understood");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn entries_are_found_again_and_the_folder_is_one_processs() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let folder = parent.path().join("book");
        let (book, found) = Book::<String>::open(&folder)?;
        assert_eq!(found, Vec::<String>::new());
        book.write(Lease(7), &"seven".to_owned())?;
        book.write(Lease(8), &"eight".to_owned())?;
        book.write(Lease(8), &"ate".to_owned())?;
        let mode = fs::metadata(folder.join("8.json"))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = Book::<String>::open(&folder).expect_err("it is in use");
        assert!(refused.to_string().contains("another process"), "{refused}");
        book.remove(Lease(7));
        book.remove(Lease(7));
        fs::write(folder.join("9.json"), "{half")?;
        drop(book);
        let (_book, found) = Book::<String>::open(&folder)?;
        assert_eq!(found, ["ate"]);
        Ok(())
    }
}
