//! Folders that are somebody's: locked while their owner lives, and removed by whoever comes next when it is dead.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The file that is locked while the owner lives.
const LOCK: &str = "lock";
/// The first part of a folder's name until it is locked.
const UNNAMED: &str = ".new-";

/// A folder of this process. Only its owner can read it; it stays until it is removed.
#[derive(Debug)]
pub struct OwnedFolder {
    path: PathBuf,
    _lock: File,
}

impl OwnedFolder {
    /// Makes it, with the folder it stands in; what is there under this name is replaced.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn make(parent: &Path, name: &str) -> io::Result<OwnedFolder> {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let path = parent.join(name);
        remove_tree(&path)?;
        // Nobody finds the folder unlocked: it gets its name when it is.
        let unnamed = parent.join(format!("{UNNAMED}{name}"));
        remove_tree(&unnamed)?;
        DirBuilder::new().mode(0o700).create(&unnamed)?;
        let lock = OpenOptions::new().create_new(true).write(true).open(unnamed.join(LOCK))?;
        lock.lock()?;
        fs::rename(&unnamed, &path)?;
        Ok(OwnedFolder { path: fs::canonicalize(path)?, _lock: lock })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn remove(&self) -> io::Result<()> {
        remove_tree(&self.path)
    }
}

/// Removes the folders in `parent` whose owner is dead: the lock on them is free. Only those of a name that `is_ours`
/// are touched; `before` is told the name of each that goes.
///
/// # Errors
/// `parent` cannot be read. A folder that cannot be removed is logged.
pub fn sweep(parent: &Path, is_ours: impl Fn(&str) -> bool, before: impl Fn(&str)) -> io::Result<()> {
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let folder = entry?.path();
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with(UNNAMED) || !is_ours(name) {
            continue;
        }
        let Ok(lock) = OpenOptions::new().write(true).open(folder.join(LOCK)) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        before(name);
        tracing::info!(folder = %folder.display(), "removing what an earlier run left");
        if let Err(error) = remove_tree(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "an earlier run's folder could not be removed");
        }
    }
    Ok(())
}

/// Removes a folder, also where a build took away its own right to. One that is not there is no error.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_owners_folder_is_swept_and_a_living_ones_is_not() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let living = OwnedFolder::make(parent.path(), "living")?;
        let gone = OwnedFolder::make(parent.path(), "dead")?.path().to_owned();
        fs::create_dir_all(gone.join("local-1/read-only"))?;
        fs::set_permissions(gone.join("local-1/read-only"), Permissions::from_mode(0o500))?;
        fs::create_dir(parent.path().join("nobodys"))?;
        sweep(parent.path(), |name| name != "dead", |_| ())?;
        assert!(gone.exists(), "it was not to go");
        sweep(parent.path(), |_| true, |name| assert_eq!(name, "dead"))?;
        assert!(!gone.exists());
        assert!(living.path().exists() && parent.path().join("nobodys").exists());
        living.remove()?;
        assert!(!living.path().exists());
        sweep(&parent.path().join("not-there"), |_| true, |_| ())
    }
}
