//! Files that are no part of a tree although they lie in it: what is being written while it is listed.

use std::{
    collections::BTreeSet,
    os::{fd::AsFd, unix::ffi::OsStrExt as _},
    path::Path,
};

use rustix::fs::{FileType, Stat};

/// What a listing leaves out.
#[derive(Debug, Clone, Default)]
pub struct LeftOut {
    /// Relative to the root.
    paths: BTreeSet<Vec<u8>>,
    /// Open files, wherever they are.
    open: Vec<Stat>,
}

impl LeftOut {
    /// Leaves out what has this path, relative to the root; it need not be there.
    pub fn path(&mut self, path: &Path) {
        self.paths.insert(path.as_os_str().as_bytes().to_vec());
    }

    /// Leaves out the file that is open here, whatever it is called. What is no file is in no listing.
    pub fn open(&mut self, descriptor: impl AsFd) {
        let opened = rustix::fs::fstat(descriptor).ok();
        self.open.extend(opened.filter(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile));
    }

    pub(super) fn has(&self, path: &[u8], stat: &Stat) -> bool {
        let is_open = |open: &Stat| (open.st_dev, open.st_ino) == (stat.st_dev, stat.st_ino);
        self.paths.contains(path) || self.open.iter().any(is_open)
    }
}
