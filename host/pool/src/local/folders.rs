//! The folders of a pool: one for the pool, locked while it lives, and in it one for each machine.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use buildlet::Secret;

use super::cgroup;

/// The file that is locked while a pool lives.
const LOCK: &str = "lock";

/// The first part of a pool's folder, and of its control groups.
pub(super) const PREFIX: &str = "muster-pool-";

/// Tells the pools of one process apart.
static POOLS: AtomicU64 = AtomicU64::new(0);

/// The folder of one pool. What it holds is removed with it.
#[derive(Debug)]
pub(super) struct PoolFolder {
    pub(super) path: PathBuf,
    /// The folder's name, and that of the pool's control groups.
    pub(super) name: String,
    _lock: File,
}

/// The folders and files of one machine.
#[derive(Clone, Debug)]
pub(super) struct MachineFolder {
    pub(super) path: PathBuf,
    pub(super) work_dir: PathBuf,
    pub(super) password_file: PathBuf,
}

impl PoolFolder {
    /// Makes the folder of a new pool, and removes those of pools that are no more.
    pub(super) fn make(state_dir: &Path) -> io::Result<PoolFolder> {
        DirBuilder::new().recursive(true).mode(0o700).create(state_dir)?;
        sweep(state_dir)?;
        // Process ids come again, and control groups of a killed pool may still be there: the time tells them apart.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let number = POOLS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{:x}-{number}", std::process::id(), since.as_micros());
        let path = state_dir.join(&name);
        if path.exists() {
            remove_tree(&path)?;
        }
        // Nobody finds the folder unlocked: it gets its name when it is.
        let unnamed = state_dir.join(format!(".new-{name}"));
        if unnamed.exists() {
            remove_tree(&unnamed)?;
        }
        DirBuilder::new().mode(0o700).create(&unnamed)?;
        let lock = OpenOptions::new().create_new(true).write(true).open(unnamed.join(LOCK))?;
        lock.lock()?;
        fs::rename(&unnamed, &path)?;
        Ok(PoolFolder { path: fs::canonicalize(path)?, name, _lock: lock })
    }

    /// Makes the folder of one machine, with its password in a file that only its owner can read.
    pub(super) fn machine(&self, name: &str, password: &Secret) -> io::Result<MachineFolder> {
        let path = self.path.join(name);
        let folder = MachineFolder { work_dir: path.join("work"), password_file: path.join("password"), path };
        DirBuilder::new().mode(0o700).create(&folder.path)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&folder.password_file)?;
        file.write_all(password.reveal().as_bytes())?;
        Ok(folder)
    }

    /// Removes the folder with all that is in it.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove_tree(&self.path)
    }
}

/// Removes a folder, also where a build took away its own right to.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
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

/// Removes the folders and control groups of pools whose process is gone: the lock on them is free.
fn sweep(state_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let Ok(lock) = OpenOptions::new().write(true).open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        tracing::info!(folder = %entry.path().display(), "removing what an earlier run left");
        cgroup::sweep(name);
        if let Err(error) = remove_tree(&entry.path()) {
            tracing::warn!(folder = %entry.path().display(), %error, "an earlier run's folder could not be removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_pools_folder_is_swept_and_a_living_ones_is_not() -> io::Result<()> {
        let state = tempfile::tempdir()?;
        let living = PoolFolder::make(state.path())?;
        let dead = state.path().join(format!("{PREFIX}1-0"));
        fs::create_dir_all(dead.join("local-1/work/read-only"))?;
        fs::write(dead.join(LOCK), "")?;
        fs::set_permissions(dead.join("local-1/work/read-only"), Permissions::from_mode(0o500))?;
        let other = state.path().join("other");
        fs::create_dir(&other)?;
        let second = PoolFolder::make(state.path())?;
        assert!(!dead.exists());
        assert!(living.path.exists() && second.path.exists() && other.exists());
        living.remove()?;
        assert!(!living.path.exists());
        Ok(())
    }

    #[test]
    fn a_password_is_for_its_owner_only() -> io::Result<()> {
        let state = tempfile::tempdir()?;
        let pool = PoolFolder::make(state.path())?;
        let machine = pool.machine("local-1", &Secret::new("s3cret"))?;
        assert_eq!(fs::metadata(&machine.password_file)?.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&machine.path)?.permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(&machine.password_file)?, "s3cret");
        Ok(())
    }
}
