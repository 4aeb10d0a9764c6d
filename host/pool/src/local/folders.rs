//! The folders of a pool: one for the pool, locked while it lives, and in it one for each machine.
//!
//! The folder of a pool whose machines end with it has a name of its own, and is swept by whoever comes next when it is
//! no longer locked. That of a pool whose machines survive has the pool's name: nobody but the next pool of that name
//! looks into it, and that one only once it has the lock. A machine there is removed by its record, never by its age.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use buildlet::Secret;

use super::cgroup;
use super::files::lock_folder;
use crate::owned::{self, OwnedFolder};

/// The first part of a pool's folder, and of its control groups.
pub(super) const PREFIX: &str = "muster-pool-";

/// The first part of the folder of a pool whose machines survive.
const KEPT: &str = "muster-machines-";

/// The file with the name of such a pool's control groups.
const GROUPS: &str = "groups";

/// Tells the pools of one process apart.
static POOLS: AtomicU64 = AtomicU64::new(0);

/// The folder of one pool. What it holds is removed with it.
#[derive(Debug)]
pub(super) struct PoolFolder {
    /// The folder's name, and that of the pool's control groups.
    pub(super) name: String,
    folder: Life,
}

/// How long a pool's folder lives.
#[derive(Debug)]
enum Life {
    /// As long as the pool.
    Pool(OwnedFolder),
    /// As long as there is a machine in it.
    Machines { path: PathBuf, _lock: File },
}

/// The folders and files of one machine.
#[derive(Clone, Debug)]
pub(super) struct MachineFolder {
    pub(super) path: PathBuf,
    pub(super) work_dir: PathBuf,
    pub(super) password_file: PathBuf,
}

impl MachineFolder {
    pub(super) fn at(path: PathBuf) -> MachineFolder {
        MachineFolder { work_dir: path.join("work"), password_file: path.join("password"), path }
    }

    /// Where an agent keeps its state: beside its work directory.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.path.join("work.state")
    }

    /// Where a surviving agent says where it listens.
    pub(super) fn address_file(&self) -> PathBuf {
        self.path.join("address")
    }

    /// What a surviving agent writes.
    pub(super) fn output_file(&self) -> PathBuf {
        self.path.join("output")
    }

    /// What the next life must know of it.
    pub(super) fn record_file(&self) -> PathBuf {
        self.path.join("machine.json")
    }
}

impl PoolFolder {
    /// Makes the folder of a new pool, and removes those of pools that are no more.
    pub(super) fn make(state_dir: &Path) -> io::Result<PoolFolder> {
        owned::sweep(state_dir, |name| name.starts_with(PREFIX), cgroup::sweep)?;
        // Process ids come again, and control groups of a killed pool may still be there: the time tells them apart.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let number = POOLS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{:x}-{number}", std::process::id(), since.as_micros());
        Ok(PoolFolder { folder: Life::Pool(OwnedFolder::make(state_dir, &name)?), name })
    }

    /// Opens the folder of a pool of this name whose machines survive.
    pub(super) fn keep(state_dir: &Path, pool: &str) -> io::Result<PoolFolder> {
        if pool.contains('/') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a folder cannot have the pool's name"));
        }
        let path = state_dir.join(format!("{KEPT}{pool}"));
        let lock = lock_folder(&path)?;
        let path = fs::canonicalize(path)?;
        let groups = path.join(GROUPS);
        let name = match fs::read_to_string(&groups) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = format!("muster-kept-{}", Secret::random().reveal());
                fs::write(&groups, &name)?;
                name
            }
            other => other?,
        };
        Ok(PoolFolder { folder: Life::Machines { path, _lock: lock }, name })
    }

    /// The folders of machines that are in it.
    pub(super) fn machines(&self) -> io::Result<Vec<MachineFolder>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(MachineFolder::at(entry.path()));
            }
        }
        Ok(found)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match &self.folder {
            Life::Pool(folder) => folder.path(),
            Life::Machines { path, .. } => path,
        }
    }

    /// Makes the folder of one machine, with its password in a file that only its owner can read.
    pub(super) fn machine(&self, name: &str, password: &Secret) -> io::Result<MachineFolder> {
        let folder = MachineFolder::at(self.path().join(name));
        DirBuilder::new().mode(0o700).create(&folder.path)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&folder.password_file)?;
        file.write_all(password.reveal().as_bytes())?;
        Ok(folder)
    }

    /// Removes the folder with all that is in it.
    pub(super) fn remove(&self) -> io::Result<()> {
        match &self.folder {
            Life::Pool(folder) => folder.remove(),
            Life::Machines { path, .. } => owned::remove_tree(path),
        }
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
