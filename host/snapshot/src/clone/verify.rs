//! Whether a clone is its original: nothing of the original changed while it was cloned, and nothing of it is missing.
//!
//! Contents are not read again: that they were copied, or are shared, is what the kernel said of each file.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Stat},
    io::Errno,
};

use crate::{
    archive::{DEFAULT_MAX_PATH_BYTES, SafeName, Tree},
    error::{ArchiveError, CloneError},
    walk::{Descend, MAX_DEPTH, Met, WalkError, walk},
};

/// What was seen of the original when it was walked to be cloned: eight bytes for each entry, in order.
#[derive(Default)]
pub(super) struct Seen(Vec<u64>);

/// Why a clone does not count.
pub(super) enum Unlike {
    /// The original changed here while it was cloned.
    Changed(PathBuf),
    /// The clone is another here, in this respect.
    Differs(PathBuf, &'static str),
    /// One of them could not be looked at.
    Unread(ArchiveError),
}

impl Unlike {
    /// The error of a clone to `target`.
    pub(super) fn into_error(self, target: &Path) -> CloneError {
        let target = target.to_owned();
        match self {
            Unlike::Changed(path) => CloneError::Changed { target, path },
            Unlike::Differs(path, how) => CloneError::Differs { target, path, how },
            Unlike::Unread(source) => CloneError::Partial { target, source: Box::new(source) },
        }
    }
}

impl Seen {
    pub(super) fn note(&mut self, met: &Met<'_>) {
        self.0.push(fingerprint(met.path, &met.stat));
    }

    /// Walks the original once more, and looks at the clone of each entry.
    pub(super) fn verify(&self, from: &Tree, to: &mut Tree) -> Result<(), Unlike> {
        let mut seen = self.0.iter();
        let walked = walk(from.root(), |met| {
            if seen.next() != Some(&fingerprint(met.path, &met.stat)) {
                return Err(Unlike::Changed(met.path.to_owned()));
            }
            compare(&met, to).map(|()| Descend::Yes)
        });
        walked.map_err(|error| match error {
            WalkError::Visitor(unlike) => unlike,
            // What cannot be listed now could be, a moment ago.
            WalkError::Read { path, .. } => Unlike::Changed(path),
            WalkError::TooDeep { path } => Unlike::Unread(ArchiveError::TooDeep { path, limit: MAX_DEPTH }),
        })?;
        // Entries that came last in the order and are gone are met by nobody.
        if seen.next().is_some() { Err(Unlike::Changed(PathBuf::from("."))) } else { Ok(()) }
    }
}

/// Changes whenever an entry does: nobody can set the time of its last change.
fn fingerprint(path: &Path, stat: &Stat) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.as_os_str().as_bytes().hash(&mut hasher);
    (stat.st_mode, stat.st_ino, stat.st_size).hash(&mut hasher);
    (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec).hash(&mut hasher);
    hasher.finish()
}

fn compare(met: &Met<'_>, to: &mut Tree) -> Result<(), Unlike> {
    if !matches!(met.kind, FileType::RegularFile | FileType::Directory | FileType::Symlink) {
        return Ok(());
    }
    let name = SafeName::check(met.path.as_os_str().as_bytes(), DEFAULT_MAX_PATH_BYTES).map_err(Unlike::Unread)?;
    let name = name.expect("a walk never names its root");
    let differs = |how| Err(Unlike::Differs(met.path.to_owned(), how));
    let Ok(parent) = to.existing_parent(&name) else { return differs("its directory is missing") };
    let (_, last) = name.split();
    let stat = match rustix::fs::statat(parent, last, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return differs("it is missing"),
        Err(errno) => return Err(unread(met.path, errno)),
    };
    if FileType::from_raw_mode(stat.st_mode) != met.kind {
        return differs("it is something else");
    }
    if met.kind == FileType::Symlink {
        let read = |parent, name: &[u8]| {
            rustix::fs::readlinkat(parent, name, Vec::new()).map_err(|errno| unread(met.path, errno))
        };
        return if read(parent, last)? == read(met.parent, met.name)? { Ok(()) } else { differs("its target") };
    }
    if met.kind == FileType::RegularFile && stat.st_size != met.stat.st_size {
        return differs("its size");
    }
    if stat.st_mode != met.stat.st_mode {
        return differs("its mode");
    }
    // Another file system may know only seconds.
    if stat.st_mtime == met.stat.st_mtime { Ok(()) } else { differs("its time") }
}

fn unread(path: &Path, errno: Errno) -> Unlike {
    Unlike::Unread(ArchiveError::ReadTree { path: path.to_owned(), source: errno.into() })
}
