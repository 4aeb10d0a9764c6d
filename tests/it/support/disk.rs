//! A small file system of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::skip;

/// A small disk, unmounted when the test ends.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// None, with the reason printed, where this user may not mount.
    pub(crate) fn mount(size_kib: u32) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size_kib}k");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &options, "muster-test"]).arg(folder.path()).output().unwrap();
        if !mounted.status.success() {
            skip(&format!("no tmpfs can be mounted: {}", String::from_utf8_lossy(&mounted.stderr).trim()));
            return None;
        }
        Some(SmallDisk { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it more room, as a person who was told that it is full.
    pub(crate) fn grow(&self, size_kib: u32) {
        let options = format!("remount,size={size_kib}k");
        let grown = Command::new("mount").args(["-o", &options]).arg(self.path()).status().unwrap();
        assert!(grown.success());
    }

    /// Every file on it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let (mut found, mut folders) = (Vec::new(), vec![self.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: an agent that is being ended may still have a file open.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
