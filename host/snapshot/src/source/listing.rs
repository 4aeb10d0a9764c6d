//! The listing of a working tree: every file with the digest of its content, and the `rev` they make together.

use std::{
    ffi::OsStr,
    fs::File,
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use rustix::{
    fs::{AtFlags, FileType, Stat},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::{
    find::{by_git, by_walk},
    git::{Git, Standing},
    left_out::LeftOut,
    metadata::GitMetadata,
};
use crate::{
    archive::{DEFAULT_MAX_PATH_BYTES, SafeName, Tree, open_regular},
    digest::Digest,
    error::{ArchiveError, SourceError},
    walk::Skipped,
};

/// Threads that read and hash files: more only wait for the disk.
const HASH_THREADS: usize = 2;
const READ_BYTES: usize = 128 * 1024;

/// What a pushed path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A regular file its owner may execute.
    Executable,
    /// A symbolic link.
    Symlink,
    /// A directory: an empty one, a submodule that is not checked out, or any found without git.
    Directory,
}

/// One path to push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the root.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Bytes of content, or of the link's target.
    pub bytes: u64,
    /// The digest of the content, or of the link's target.
    pub digest: Digest,
}

/// How the paths were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundBy {
    /// Git said which.
    Git(GitSummary),
    /// All were taken, because of this.
    Walk(&'static str),
}

/// What git says of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSummary {
    /// The commit it is based on; none before the first one.
    pub commit: Option<String>,
    /// `git describe --tags --always --dirty`, where there is a commit.
    pub describe: Option<String>,
}

/// What of a tree is pushed.
#[derive(Debug)]
pub struct SourceListing {
    /// The root as it was given.
    pub root: PathBuf,
    /// The paths in byte order.
    pub files: Vec<SourceFile>,
    /// Bytes of content, git metadata not counted.
    pub bytes: u64,
    /// The digest of (path, kind, content) of all files, in order, and of what git says of the tree.
    pub rev: Digest,
    /// How the paths were found.
    pub found_by: FoundBy,
    /// What was left out because no archive can hold it.
    pub skipped: Skipped,
    /// The small `.git` to push beside.
    pub(super) metadata: Option<GitMetadata>,
}

/// Lists what of the tree at `root` is pushed, and reads all of it once. It blocks.
///
/// # Errors
///
/// Where git fails (other than by saying that this is no repository) or a file cannot be read.
pub fn list(root: &Path) -> Result<SourceListing, SourceError> {
    list_without(root, &LeftOut::default())
}

/// As [`list`], but for what is left out.
///
/// # Errors
///
/// As [`list`].
pub fn list_without(root: &Path, left_out: &LeftOut) -> Result<SourceListing, SourceError> {
    let git = Git { root };
    let standing = git.standing()?;
    let (paths, skipped) = match standing {
        Standing::Top | Standing::Inside => (by_git(root)?, Skipped::default()),
        Standing::Outside(_) => by_walk(root)?,
    };
    let paths: Vec<Vec<u8>> = paths.into_iter().collect();
    let files = hash_all(root, &paths, left_out)?;
    let (found_by, metadata) = match standing {
        Standing::Outside(why) => (FoundBy::Walk(why), None),
        Standing::Top | Standing::Inside => {
            let commit = git.ask(&["rev-parse", "--verify", "-q", "HEAD"])?;
            let describe = match commit {
                Some(_) => git.ask(&["describe", "--tags", "--always", "--dirty"])?,
                None => None,
            };
            // Below the top a `.git` would make the folder look like a repository of its own.
            let metadata = match (&commit, &standing) {
                (Some(commit), Standing::Top) => Some(GitMetadata::prepare(&git, commit)?),
                (Some(_) | None, _) => None,
            };
            (FoundBy::Git(GitSummary { commit, describe }), metadata)
        }
    };
    Ok(SourceListing {
        root: root.to_owned(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        rev: revision(&files, &found_by, metadata.as_ref()),
        files,
        found_by,
        skipped,
        metadata,
    })
}

impl FileKind {
    /// The kind of what `lstat` saw, if an archive can hold it.
    pub(super) fn of(stat: &Stat) -> Option<Self> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::RegularFile && stat.st_mode & 0o100 != 0 {
            Some(FileKind::Executable)
        } else if kind == FileType::RegularFile {
            Some(FileKind::Regular)
        } else if kind == FileType::Symlink {
            Some(FileKind::Symlink)
        } else if kind == FileType::Directory {
            Some(FileKind::Directory)
        } else {
            None
        }
    }

    fn letter(self) -> u8 {
        match self {
            FileKind::Regular => b'f',
            FileKind::Executable => b'x',
            FileKind::Symlink => b'l',
            FileKind::Directory => b'd',
        }
    }
}

fn revision(files: &[SourceFile], found_by: &FoundBy, metadata: Option<&GitMetadata>) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(b"muster source 1\n");
    for file in files {
        let path = file.path.as_os_str().as_bytes();
        hasher.update([file.kind.letter()]);
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path);
        hasher.update(file.digest.as_bytes());
    }
    hasher.update([b'\n']);
    // A version derived from git is part of what a build makes, so equal files under another tag are another source.
    let described = match (metadata, found_by) {
        (Some(metadata), _) => metadata.identity.to_string(),
        (None, FoundBy::Git(summary)) => summary.describe.clone().unwrap_or_default(),
        (None, FoundBy::Walk(_)) => String::new(),
    };
    hasher.update(described.as_bytes());
    Digest::finish(hasher)
}

fn hash_all(root: &Path, paths: &[Vec<u8>], left_out: &LeftOut) -> Result<Vec<SourceFile>, SourceError> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<(usize, SourceFile)>, ArchiveError> {
        let mut tree = Tree::open(root)?;
        let mut buffer = vec![0; READ_BYTES];
        let mut hashed = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else {
                return Ok(hashed);
            };
            if let Some(file) = hash_one(&mut tree, path, left_out, &mut buffer)? {
                hashed.push((at, file));
            }
        }
    };
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..HASH_THREADS).map(|_| scope.spawn(worker)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut files = Vec::with_capacity(paths.len());
    for result in results {
        files.extend(result.map_err(|error| SourceError::Tree { root: root.to_owned(), source: Box::new(error) })?);
    }
    files.sort_unstable_by_key(|(at, _)| *at);
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

/// One file, or `None` where it is left out, is deleted, lies behind a link now, or is nothing an archive holds.
fn hash_one(
    tree: &mut Tree,
    path: &[u8],
    left_out: &LeftOut,
    buffer: &mut [u8],
) -> Result<Option<SourceFile>, ArchiveError> {
    let Some(name) = SafeName::check(path, DEFAULT_MAX_PATH_BYTES)? else {
        return Ok(None);
    };
    let failed = |source: std::io::Error| ArchiveError::ReadTree { path: name.path().to_owned(), source };
    let parent = match tree.existing_parent(&name) {
        Ok(parent) => parent,
        Err(ArchiveError::Obstructed { .. }) => return Ok(None),
        Err(ArchiveError::ReadTree { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (_, last) = name.split();
    let stat = match rustix::fs::statat(parent, last, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(failed(errno.into())),
    };
    if left_out.has(name.as_bytes(), &stat) {
        return Ok(None);
    }
    let Some(kind) = FileKind::of(&stat) else {
        return Ok(None);
    };
    let (bytes, digest) = match kind {
        FileKind::Directory => (0, Digest::of(b"")),
        FileKind::Symlink => {
            let target = rustix::fs::readlinkat(parent, last, Vec::new()).map_err(|errno| failed(errno.into()))?;
            (target.as_bytes().len() as u64, Digest::of(target.as_bytes()))
        }
        FileKind::Regular | FileKind::Executable => {
            let fd = open_regular(parent, last).map_err(|errno| failed(errno.into()))?;
            hash_content(&mut File::from(fd), buffer).map_err(failed)?
        }
    };
    Ok(Some(SourceFile { path: PathBuf::from(OsStr::from_bytes(name.as_bytes())), kind, bytes, digest }))
}

fn hash_content(file: &mut File, buffer: &mut [u8]) -> std::io::Result<(u64, Digest)> {
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok((bytes, Digest::finish(hasher))),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
