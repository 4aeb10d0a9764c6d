//! Folders that are somebody's: locked while their owner lives, and removed by whoever comes next when it is dead.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that is locked while the owner lives.
const LOCK: &str = "lock";
/// The first part of a folder's name until it is locked.
const UNNAMED: &str = ".new-";

/// Between making a folder and naming it there is less than this.
const NAMING: Duration = Duration::from_secs(60);

/// A folder of this process. Only its owner can read it; it stays until it is removed.
#[derive(Debug)]
pub struct OwnedFolder {
    path: PathBuf,
    _lock: File,
}

impl OwnedFolder {
    /// Makes it, with the folder it stands in; what is there under this name is replaced.
    ///
    /// Whoever dies in the middle leaves an unnamed folder: empty, or with a lock that is free. [`sweep`] removes it.
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
        let unnamed = name.strip_prefix(UNNAMED);
        if !is_ours(unnamed.unwrap_or(name)) || (unnamed.is_some() && is_young(&folder)) {
            continue;
        }
        let lock = match OpenOptions::new().write(true).open(folder.join(LOCK)) {
            Ok(lock) => Some(lock),
            // Its owner died before it made the lock.
            Err(error) if error.kind() == io::ErrorKind::NotFound && unnamed.is_some() => None,
            Err(_) => continue,
        };
        if lock.as_ref().is_some_and(|lock| lock.try_lock().is_err()) {
            continue;
        }
        if unnamed.is_none() {
            before(name);
        }
        tracing::info!(folder = %folder.display(), "removing what an earlier run left");
        if let Err(error) = remove_tree(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "an earlier run's folder could not be removed");
        }
    }
    Ok(())
}

/// Whether a folder without a name may be on its way to one. When that cannot be told, it may.
fn is_young(folder: &Path) -> bool {
    let modified = fs::metadata(folder).and_then(|found| found.modified());
    modified.map_or(true, |modified| modified.elapsed().unwrap_or_default() < NAMING)
}

/// Removes a folder, also where a build took away its own right to. One that is not there is no error.
pub fn remove_tree(path: &Path) -> io::Result<()> {
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

    #[test]
    fn what_was_never_named_is_swept_once_it_is_old() -> io::Result<()> {
        let parent = tempfile::tempdir()?;
        let unnamed = |name: &str, age: Duration| -> io::Result<PathBuf> {
            let folder = parent.path().join(format!("{UNNAMED}{name}"));
            fs::create_dir(&folder)?;
            if name.starts_with("locked") {
                File::create(folder.join(LOCK))?;
            }
            File::open(&folder)?.set_modified(std::time::SystemTime::now() - age)?;
            Ok(folder)
        };
        let old = [unnamed("bare", NAMING * 2)?, unnamed("locked-1", NAMING * 2)?];
        let young = [unnamed("young", Duration::ZERO)?, unnamed("locked-2", Duration::ZERO)?];
        let held = unnamed("locked-3", NAMING * 2)?;
        let lock = File::open(held.join(LOCK))?;
        lock.lock()?;
        let other = unnamed("other", NAMING * 2)?;
        sweep(parent.path(), |name| name != "other", |name| panic!("{name} has no name yet"))?;
        assert!(old.iter().all(|folder| !folder.exists()));
        assert!(young.iter().chain([&held, &other]).all(|folder| folder.exists()));
        Ok(())
    }
}
