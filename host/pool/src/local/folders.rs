//! The folders of a pool: one for the pool, locked while it lives, and in it one for each machine.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use buildlet::Secret;

use super::cgroup;
use crate::owned::{self, OwnedFolder};

/// The first part of a pool's folder, and of its control groups.
pub(super) const PREFIX: &str = "muster-pool-";

/// Tells the pools of one process apart.
static POOLS: AtomicU64 = AtomicU64::new(0);

/// The folder of one pool. What it holds is removed with it.
#[derive(Debug)]
pub(super) struct PoolFolder {
    /// The folder's name, and that of the pool's control groups.
    pub(super) name: String,
    folder: OwnedFolder,
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
        owned::sweep(state_dir, |name| name.starts_with(PREFIX), cgroup::sweep)?;
        // Process ids come again, and control groups of a killed pool may still be there: the time tells them apart.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let number = POOLS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{:x}-{number}", std::process::id(), since.as_micros());
        Ok(PoolFolder { folder: OwnedFolder::make(state_dir, &name)?, name })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the folder of one machine, with its password in a file that only its owner can read.
    pub(super) fn machine(&self, name: &str, password: &Secret) -> io::Result<MachineFolder> {
        let path = self.path().join(name);
        let folder = MachineFolder { work_dir: path.join("work"), password_file: path.join("password"), path };
        DirBuilder::new().mode(0o700).create(&folder.path)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&folder.password_file)?;
        file.write_all(password.reveal().as_bytes())?;
        Ok(folder)
    }

    /// Removes the folder with all that is in it.
    pub(super) fn remove(&self) -> io::Result<()> {
        self.folder.remove()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_dead_pools_folder_is_swept_and_a_living_ones_is_not() -> io::Result<()> {
        let state = tempfile::tempdir()?;
        let living = PoolFolder::make(state.path())?;
        let dead = OwnedFolder::make(state.path(), &format!("{PREFIX}1-0"))?.path().to_owned();
        let other = OwnedFolder::make(state.path(), "other")?.path().to_owned();
        let second = PoolFolder::make(state.path())?;
        assert!(!dead.exists());
        assert!(living.path().exists() && second.path().exists() && other.exists());
        living.remove()?;
        assert!(!living.path().exists());
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
