//! Notes on disk of which commands run, so that an agent can kill what one before it left.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{table, tree::kill_recorded};

/// A directory with one file per running command, named by its process id, holding when it was started.
#[derive(Debug)]
pub(crate) struct RunningNotes {
    dir: PathBuf,
}

impl RunningNotes {
    /// Kills what an agent before us noted and left.
    pub(crate) fn take_over(state_dir: &Path) -> io::Result<Self> {
        let dir = state_dir.join("running");
        fs::create_dir_all(&dir)?;
        for entry in fs::read_dir(&dir)?.flatten() {
            let leader = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let started = fs::read_to_string(entry.path()).ok().and_then(|text| text.parse().ok());
            if let (Some(leader), Some(started)) = (leader, started) {
                kill_recorded(leader, started);
            }
            fs::remove_file(entry.path())?;
        }
        Ok(RunningNotes { dir })
    }

    pub(crate) fn add(&self, leader: i32) {
        let Some(process) = table::one(leader) else { return };
        if let Err(error) = fs::write(self.path(leader), process.started.to_string()) {
            tracing::warn!(%error, "a running command could not be noted");
        }
    }

    pub(crate) fn remove(&self, leader: i32) {
        // Without a note there is nothing to remove.
        let _ = fs::remove_file(self.path(leader));
    }

    fn path(&self, leader: i32) -> PathBuf {
        self.dir.join(leader.to_string())
    }
}
