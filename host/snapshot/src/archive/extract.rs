//! Unpacks a tar stream below a directory, whatever the archive says.

use std::{
    fs::File,
    io::{Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::{
    compress::decoder,
    name::SafeName,
    options::{ExtractOptions, Extracted, Symlinks},
    tar_reader::{Head, Kind, TarReader},
    tree::{Tree, finish_file},
};
use crate::error::ArchiveError;

/// Content is copied in pieces of this size; a piece of zeros becomes a hole.
const COPY_BYTES: usize = 64 * 1024;

/// Unpacks tar (plain, gzip of one or many members, or zstd: told apart by the first bytes) into the directory `dest`.
///
/// `dest` exists. What lies there already stays unless an entry of the same name replaces it; a directory is never
/// replaced. Files get the archive's permission bits (no set-user-id) and its modification time, clamped to now;
/// directories get mode 0755. Global pax headers are ignored. It blocks.
///
/// # Errors
///
/// [`ArchiveError::Partial`] around the cause where anything was written before: the caller wipes `dest`, and never
/// runs what is there. [`ArchiveError::fault`] tells a bad archive from a failing machine.
pub fn extract(reader: impl Read, dest: &Path, options: &ExtractOptions) -> Result<Extracted, ArchiveError> {
    let mut tree = Tree::open(dest)?;
    let decoder = decoder(reader, options.compression)?;
    let mut extraction = Extraction {
        reader: TarReader::new(decoder, options.limits),
        tree: &mut tree,
        options,
        extracted: Extracted::default(),
        touched: false,
        buffer: vec![0; COPY_BYTES],
    };
    match extraction.run() {
        Ok(()) => Ok(extraction.extracted),
        Err(source) if extraction.touched => {
            Err(ArchiveError::Partial { written: extraction.extracted, source: Box::new(source) })
        }
        Err(source) => Err(source),
    }
}

struct Extraction<'a, R> {
    reader: TarReader<R>,
    tree: &'a mut Tree,
    options: &'a ExtractOptions,
    extracted: Extracted,
    /// Whether anything may have been written.
    touched: bool,
    buffer: Vec<u8>,
}

impl<R: Read> Extraction<'_, R> {
    fn run(&mut self) -> Result<(), ArchiveError> {
        while let Some(head) = self.reader.next()? {
            self.entry(&head)?;
        }
        Ok(())
    }

    fn entry(&mut self, head: &Head) -> Result<(), ArchiveError> {
        let max_bytes = self.options.limits.path_bytes;
        let name = SafeName::check(&head.name, max_bytes)?;
        let Some(name) = name else {
            // `./` is the destination itself, which exists.
            return if head.kind == Kind::Directory {
                Ok(())
            } else {
                Err(unsafe_name(&head.name, "it names the directory itself"))
            };
        };
        match head.kind {
            Kind::File => self.file(&name, head),
            Kind::Directory => {
                self.touched = true;
                self.tree.create_directory(&name)?;
                self.extracted.directories += 1;
                Ok(())
            }
            Kind::Symlink => self.symlink(&name, head),
            Kind::HardLink => {
                let target = SafeName::check(&head.link, max_bytes)?
                    .ok_or_else(|| unsafe_name(&head.name, "it is a hard link to a directory"))?;
                self.touched = true;
                self.tree.create_hard_link(&name, &target)?;
                self.extracted.files += 1;
                Ok(())
            }
            Kind::Other(flag) => {
                Err(ArchiveError::UnsupportedType { name: name.path().to_owned(), kind: flag_name(flag) })
            }
        }
    }

    fn symlink(&mut self, name: &SafeName, head: &Head) -> Result<(), ArchiveError> {
        match self.options.symlinks {
            Symlinks::Ignore => {
                self.extracted.symlinks_ignored += 1;
                return Ok(());
            }
            Symlinks::Keep => {}
        }
        if head.link.is_empty() || head.link.contains(&0) {
            return Err(unsafe_name(&head.name, "its link target is no path"));
        }
        if head.link.len() > self.options.limits.path_bytes {
            return Err(unsafe_name(&head.name, "its link target is longer than the limit"));
        }
        self.touched = true;
        self.tree.create_symlink(name, &head.link, head.modified)?;
        self.extracted.symlinks += 1;
        Ok(())
    }

    fn file(&mut self, name: &SafeName, head: &Head) -> Result<(), ArchiveError> {
        let limit = self.options.limits.bytes;
        if head.size > limit - self.extracted.bytes {
            return Err(ArchiveError::LimitExceeded { what: "bytes of content", limit });
        }
        self.touched = true;
        let mut file = self.tree.create_file(name)?;
        self.copy(name, &mut file, head.size)?;
        finish_file(&file, head.mode, head.modified)
            .map_err(|errno| ArchiveError::Write { path: name.path().to_owned(), source: errno.into() })?;
        self.extracted.files += 1;
        self.extracted.bytes += head.size;
        Ok(())
    }

    fn copy(&mut self, name: &SafeName, file: &mut File, size: u64) -> Result<(), ArchiveError> {
        let failed = |source| ArchiveError::Write { path: name.path().to_owned(), source };
        let mut ends_in_hole = false;
        loop {
            let count = self.reader.read_content(&mut self.buffer)?;
            if count == 0 {
                break;
            }
            let piece = &self.buffer[..count];
            ends_in_hole = count == COPY_BYTES && piece.iter().all(|&byte| byte == 0);
            if ends_in_hole {
                file.seek(SeekFrom::Current(COPY_BYTES as i64)).map_err(failed)?;
            } else {
                file.write_all(piece).map_err(failed)?;
            }
        }
        if ends_in_hole {
            file.set_len(size).map_err(failed)?;
        }
        Ok(())
    }
}

fn flag_name(flag: u8) -> String {
    match flag {
        b'3' => "character device".to_owned(),
        b'4' => "block device".to_owned(),
        b'6' => "named pipe".to_owned(),
        b'S' => "sparse file in old GNU form".to_owned(),
        other => format!("{:?}", char::from(other)),
    }
}

fn unsafe_name(name: &[u8], reason: &'static str) -> ArchiveError {
    ArchiveError::UnsafeName { name: PathBuf::from(String::from_utf8_lossy(name).into_owned()), reason }
}
