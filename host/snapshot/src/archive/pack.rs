//! Packs a tree, or chosen files of one, into a tar stream.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _, Write},
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use tar::EntryType;

use super::{
    compress::Encoder,
    name::SafeName,
    options::{DEFAULT_MAX_PATH_BYTES, PackOptions, Packed},
    tar_writer::{Entry, write_end, write_head, write_padding},
    tree::Tree,
};
use crate::{
    error::ArchiveError,
    walk::{Descend, MAX_DEPTH, WalkError, walk},
};

const COPY_BYTES: usize = 128 * 1024;

/// Packs everything below `root`: names in byte order and relative, directories ending in a slash, the root itself
/// left out, symbolic links as links, times in whole seconds, owners left out. It blocks.
///
/// Sockets, pipes and devices are left out and told in [`Packed::skipped`]; a file that grows meanwhile is packed
/// with the size it had.
///
/// # Errors
///
/// Where the tree cannot be read, a file shrinks meanwhile, or the output fails. The output then has no end marker.
pub fn pack(root: &Path, writer: impl Write, options: &PackOptions) -> Result<Packed, ArchiveError> {
    let tree = Tree::open(root)?;
    let mut packer = Packer::new(writer, options)?;
    walk(tree.root(), |met| {
        packer.add(met.parent, met.name, met.path, &met.stat, &mut |_| {})?;
        Ok(Descend::Yes)
    })
    .map_err(|error| match error {
        WalkError::Read { path, source } => ArchiveError::ReadTree { path, source },
        WalkError::TooDeep { path } => ArchiveError::TooDeep { path, limit: MAX_DEPTH },
        WalkError::Visitor(error) => error,
    })?;
    packer.finish()
}

/// Packs exactly these files, given relative to `root`, in the given order. It blocks.
///
/// # Errors
///
/// As [`pack`], and where a file is missing or lies behind a symbolic link.
pub fn pack_files(
    root: &Path,
    files: impl Iterator<Item = PathBuf>,
    writer: impl Write,
    options: &PackOptions,
) -> Result<Packed, ArchiveError> {
    let mut tree = Tree::open(root)?;
    let mut packer = Packer::new(writer, options)?;
    for file in files {
        packer.add_file(&mut tree, &file, &mut |_| {})?;
    }
    packer.finish()
}

/// An archive being written.
pub(crate) struct Packer<W: Write> {
    encoder: Encoder<Counting<W>>,
    packed: Packed,
    buffer: Vec<u8>,
}

impl<W: Write> Packer<W> {
    pub(crate) fn new(writer: W, options: &PackOptions) -> Result<Self, ArchiveError> {
        let counting = Counting { writer, count: 0 };
        Ok(Packer {
            encoder: Encoder::new(counting, options).map_err(output_failed)?,
            packed: Packed::default(),
            buffer: vec![0; COPY_BYTES],
        })
    }

    /// Adds one file of a tree by its relative path; `observe` sees its content, or its link target.
    pub(crate) fn add_file(
        &mut self,
        tree: &mut Tree,
        path: &Path,
        observe: &mut dyn FnMut(&[u8]),
    ) -> Result<Stat, ArchiveError> {
        let name = SafeName::check(path.as_os_str().as_bytes(), DEFAULT_MAX_PATH_BYTES)?.ok_or_else(|| {
            ArchiveError::UnsafeName { name: path.to_owned(), reason: "it names the directory itself" }
        })?;
        let parent = tree.existing_parent(&name)?;
        let (_, last) = name.split();
        let stat = rustix::fs::statat(parent, last, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| tree_failed(path, errno.into()))?;
        self.add(parent, last, name.path(), &stat, observe)?;
        Ok(stat)
    }

    /// Adds what was met at `name` in `parent` under the relative path `path`.
    pub(crate) fn add(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        path: &Path,
        stat: &Stat,
        observe: &mut dyn FnMut(&[u8]),
    ) -> Result<(), ArchiveError> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.add_regular(parent, name, path, observe),
            FileType::Directory => {
                let mut name = path.as_os_str().as_bytes().to_vec();
                name.push(b'/');
                self.packed.directories += 1;
                self.head(&name, EntryType::Directory, b"", stat)
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(parent, name, Vec::new())
                    .map_err(|errno| tree_failed(path, errno.into()))?;
                observe(target.as_bytes());
                self.packed.symlinks += 1;
                let name = path.as_os_str().as_bytes();
                self.head(name, EntryType::Symlink, target.as_bytes(), stat)
            }
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {
                self.packed.skipped.add(path);
                Ok(())
            }
        }
    }

    /// Writes the end marker and ends the compression.
    pub(crate) fn finish(mut self) -> Result<Packed, ArchiveError> {
        write_end(&mut self.encoder).map_err(output_failed)?;
        let output = self.encoder.finish().map_err(output_failed)?;
        self.packed.written = output.count;
        Ok(self.packed)
    }

    fn add_regular(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        path: &Path,
        observe: &mut dyn FnMut(&[u8]),
    ) -> Result<(), ArchiveError> {
        let failed = |errno: rustix::io::Errno| tree_failed(path, errno.into());
        let fd = open_regular(parent, name).map_err(failed)?;
        // The size comes from the open file: the name may stand for another one by now.
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        let size = u64::try_from(stat.st_size).expect("a file's size is not negative");
        self.head(path.as_os_str().as_bytes(), EntryType::Regular, b"", &stat)?;
        let mut file = File::from(fd);
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
            let count = match file.read(&mut self.buffer[..wanted]) {
                Ok(0) => return Err(ArchiveError::Changed { path: path.to_owned() }),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(tree_failed(path, error)),
            };
            observe(&self.buffer[..count]);
            self.encoder.write_all(&self.buffer[..count]).map_err(output_failed)?;
            left -= count as u64;
        }
        write_padding(&mut self.encoder, size).map_err(output_failed)?;
        self.packed.files += 1;
        self.packed.bytes += size;
        Ok(())
    }

    fn head(&mut self, name: &[u8], kind: EntryType, link: &[u8], stat: &Stat) -> Result<(), ArchiveError> {
        let size = if kind == EntryType::Regular { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
        let entry = Entry { name, kind, link, size, mode: stat.st_mode, modified: stat.st_mtime };
        write_head(&mut self.encoder, &entry).map_err(output_failed)
    }
}

/// Opens a file for reading, neither following a link nor waiting for the other end of a pipe.
pub(crate) fn open_regular(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, rustix::io::Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(parent, OsStr::from_bytes(name), flags, Mode::empty())
}

/// Counts what reaches the output.
struct Counting<W> {
    writer: W,
    count: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.writer.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn tree_failed(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::ReadTree { path: path.to_owned(), source }
}

fn output_failed(source: io::Error) -> ArchiveError {
    ArchiveError::Output { source }
}
