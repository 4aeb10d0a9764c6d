//! A directory tree that cannot be left: every path is opened one component at a time, never through a symbolic link.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT},
    io::Errno,
};

use super::name::SafeName;
use crate::error::ArchiveError;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const DIRECTORY_MODE: u32 = 0o755;

/// The destination of an extraction, or the root files are packed from.
#[derive(Debug)]
pub(crate) struct Tree {
    root: OwnedFd,
    /// The last parent opened: neighbours in an archive share it.
    parent: Option<(Vec<u8>, OwnedFd)>,
}

/// Whether missing parents are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Make,
    Fail,
}

impl Tree {
    /// Opens an existing directory; only here a symbolic link may be followed, as the caller named it.
    pub(crate) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|errno| ArchiveError::OpenRoot { path: path.to_owned(), source: errno.into() })?;
        Ok(Tree { root, parent: None })
    }

    /// Creates a file with this mode, in place of whatever is there and is no directory.
    pub(crate) fn create_file(&mut self, name: &SafeName) -> Result<File, ArchiveError> {
        let (_, last) = name.split();
        self.unlink(name)?;
        let fd = self.parent(name, Missing::Make)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(fd, last, flags, Mode::from_raw_mode(0o600)).map_err(write_failed(name))?;
        Ok(File::from(file))
    }

    /// Makes a directory and its parents; one that exists is kept as it is.
    pub(crate) fn create_directory(&mut self, name: &SafeName) -> Result<(), ArchiveError> {
        let (_, last) = name.split();
        let fd = self.parent(name, Missing::Make)?;
        open_directory(fd, last, name, Missing::Make).map(drop)
    }

    /// Makes a symbolic link, in place of whatever is there and is no directory.
    pub(crate) fn create_symlink(
        &mut self,
        name: &SafeName,
        target: &[u8],
        modified: Option<SystemTime>,
    ) -> Result<(), ArchiveError> {
        let (_, last) = name.split();
        self.unlink(name)?;
        let fd = self.parent(name, Missing::Make)?;
        rustix::fs::symlinkat(target, fd, last).map_err(write_failed(name))?;
        let Some(modified) = modified else {
            return Ok(());
        };
        rustix::fs::utimensat(fd, last, &times(modified), AtFlags::SYMLINK_NOFOLLOW).map_err(write_failed(name))
    }

    /// Makes a hard link to a regular file inside this tree.
    pub(crate) fn create_hard_link(&mut self, name: &SafeName, target: &SafeName) -> Result<(), ArchiveError> {
        if name == target {
            return Err(obstructed(name, "it is a hard link to itself"));
        }
        let (_, target_last) = target.split();
        let missing = |error| {
            let missing =
                matches!(&error, ArchiveError::Write { source, .. } if source.kind() == io::ErrorKind::NotFound);
            if missing { obstructed(name, "it is a hard link to something that does not exist") } else { error }
        };
        let target_fd = self
            .parent(target, Missing::Fail)
            .map_err(missing)?
            .try_clone_to_owned()
            .map_err(|source| ArchiveError::Write { path: name.path().to_owned(), source })?;
        let stat = rustix::fs::statat(&target_fd, target_last, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(write_failed(name))
            .map_err(missing)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(obstructed(name, "it is a hard link to something that is not a regular file"));
        }
        self.unlink(name)?;
        let (_, last) = name.split();
        let fd = self.parent(name, Missing::Make)?;
        rustix::fs::linkat(&target_fd, target_last, fd, last, AtFlags::empty()).map_err(write_failed(name))
    }

    /// The directory a name lies in, for reading.
    pub(crate) fn existing_parent(&mut self, name: &SafeName) -> Result<BorrowedFd<'_>, ArchiveError> {
        self.parent(name, Missing::Fail).map_err(|error| {
            if let ArchiveError::Write { path, source } = error {
                ArchiveError::ReadTree { path, source }
            } else {
                error
            }
        })
    }

    /// The root.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    fn unlink(&mut self, name: &SafeName) -> Result<(), ArchiveError> {
        let (_, last) = name.split();
        let fd = self.parent(name, Missing::Make)?;
        match rustix::fs::unlinkat(fd, last, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // Linux says EISDIR, the others EPERM, which may have other reasons too.
            Err(Errno::ISDIR) => Err(obstructed(name, "a directory is in its place")),
            Err(errno) => Err(write_failed(name)(errno)),
        }
    }

    fn parent(&mut self, name: &SafeName, missing: Missing) -> Result<BorrowedFd<'_>, ArchiveError> {
        let (directories, _) = name.split();
        if directories.is_empty() {
            return Ok(self.root.as_fd());
        }
        let known = self.parent.as_ref().is_some_and(|(path, _)| path == directories);
        if !known {
            let mut components = directories.split(|&byte| byte == b'/');
            let first = components.next().expect("split gives at least one part");
            let mut fd = open_directory(self.root.as_fd(), first, name, missing)?;
            for component in components {
                fd = open_directory(fd.as_fd(), component, name, missing)?;
            }
            self.parent = Some((directories.to_vec(), fd));
        }
        let (_, fd) = self.parent.as_ref().expect("it was set just above");
        Ok(fd.as_fd())
    }
}

/// Sets mode and times of a written file: owner's umask does not matter, the future is clamped to now.
pub(crate) fn finish_file(file: &File, mode: u32, modified: Option<SystemTime>) -> Result<(), Errno> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode & 0o777))?;
    match modified {
        Some(modified) => rustix::fs::futimens(file, &times(modified)),
        None => Ok(()),
    }
}

fn open_directory(
    parent: BorrowedFd<'_>,
    component: &[u8],
    name: &SafeName,
    missing: Missing,
) -> Result<OwnedFd, ArchiveError> {
    match rustix::fs::openat(parent, component, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) if missing == Missing::Make => {}
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return Err(obstructed(name, "a part of its path is a symbolic link or a file, not a directory"));
        }
        other => return other.map_err(write_failed(name)),
    }
    let mode = Mode::from_raw_mode(DIRECTORY_MODE);
    match rustix::fs::mkdirat(parent, component, mode) {
        // Somebody else may have made it meanwhile; opening it decides.
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(write_failed(name)(errno)),
    }
    let fd = rustix::fs::openat(parent, component, DIRECTORY, Mode::empty()).map_err(write_failed(name))?;
    rustix::fs::fchmod(&fd, mode).map_err(write_failed(name))?;
    Ok(fd)
}

fn times(modified: SystemTime) -> Timestamps {
    let modified = modified.min(SystemTime::now());
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec {
            tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(since.subsec_nanos()),
        },
    }
}

fn obstructed(name: &SafeName, reason: &'static str) -> ArchiveError {
    ArchiveError::Obstructed { name: name.path().to_owned(), reason }
}

fn write_failed(name: &SafeName) -> impl Fn(Errno) -> ArchiveError {
    let path = PathBuf::from(OsStr::from_bytes(name.as_bytes()));
    move |errno| ArchiveError::Write { path: path.clone(), source: errno.into() }
}
