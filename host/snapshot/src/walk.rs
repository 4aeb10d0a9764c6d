//! One walk for all: depth first, names in byte order, never through a symbolic link.

use std::{
    ffi::OsStr,
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

/// Deepest nesting walked; one descriptor is open for each level, and a process often has only 1024.
pub(crate) const MAX_DEPTH: usize = 256;
/// How many skipped files are remembered by name.
const MAX_SKIPPED_NAMES: usize = 16;

/// Files that were left out because nothing can hold them: sockets, pipes and devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first few, relative to the root.
    pub first: Vec<PathBuf>,
}

impl Skipped {
    /// Notes one more.
    pub(crate) fn add(&mut self, path: &Path) {
        self.count += 1;
        if self.first.len() < MAX_SKIPPED_NAMES {
            self.first.push(path.to_owned());
        }
    }
}

/// One thing met on a walk.
pub(crate) struct Met<'a> {
    /// The open directory it lies in.
    pub(crate) parent: BorrowedFd<'a>,
    /// Its own name.
    pub(crate) name: &'a [u8],
    /// Its path relative to the root.
    pub(crate) path: &'a Path,
    /// Its type.
    pub(crate) kind: FileType,
    /// What `lstat` says.
    pub(crate) stat: Stat,
}

/// What to do with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Descend {
    Yes,
    No,
}

/// Why a walk ended early.
#[derive(Debug)]
pub(crate) enum WalkError<E> {
    /// The tree could not be read.
    Read { path: PathBuf, source: io::Error },
    /// Deeper than [`MAX_DEPTH`].
    TooDeep { path: PathBuf },
    /// The visitor gave up.
    Visitor(E),
}

struct Level {
    fd: OwnedFd,
    names: std::vec::IntoIter<Vec<u8>>,
    path_bytes: usize,
}

/// Calls `visit` for everything below `root`, the root itself left out.
pub(crate) fn walk<E>(
    root: BorrowedFd<'_>,
    mut visit: impl FnMut(Met<'_>) -> Result<Descend, E>,
) -> Result<(), WalkError<E>> {
    let mut path: Vec<u8> = Vec::new();
    let mut levels = vec![open_level(root, b".", &path)?];
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path_bytes);
        let Some(name) = level.names.next() else {
            levels.pop();
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        let parent = level.fd.as_fd();
        let stat = rustix::fs::statat(parent, &name[..], AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| read_failed(&path, errno))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let met = Met { parent, name: &name, path: Path::new(OsStr::from_bytes(&path)), kind, stat };
        let descend = visit(met).map_err(WalkError::Visitor)?;
        if kind == FileType::Directory && descend == Descend::Yes {
            if levels.len() >= MAX_DEPTH {
                let path = PathBuf::from(OsStr::from_bytes(&path));
                return Err(WalkError::TooDeep { path });
            }
            let parent = levels.last().expect("the loop's condition").fd.as_fd();
            let next = open_level(parent, &name, &path)?;
            levels.push(next);
        }
    }
    Ok(())
}

fn open_level<E>(parent: BorrowedFd<'_>, name: &[u8], path: &[u8]) -> Result<Level, WalkError<E>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let failed = |errno| read_failed(path, errno);
    let fd = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(failed)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&fd).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    Ok(Level { fd, names: names.into_iter(), path_bytes: path.len() })
}

fn read_failed<E>(path: &[u8], errno: rustix::io::Errno) -> WalkError<E> {
    WalkError::Read { path: PathBuf::from(OsStr::from_bytes(path)), source: errno.into() }
}
