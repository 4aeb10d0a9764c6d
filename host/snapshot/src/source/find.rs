//! Finds the paths of a tree: by git, or by walking it.

use std::{
    collections::BTreeSet,
    os::{fd::AsFd as _, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::FileType;

use super::git::{Git, fields, path};
use crate::{
    error::{ArchiveError, SourceError},
    walk::{Descend, MAX_DEPTH, Skipped, WalkError, walk},
};

/// Deepest nesting of submodules.
const MAX_SUBMODULE_DEPTH: usize = 32;
/// Folders in which version control systems keep their own data.
const VCS_FOLDERS: [&[u8]; 8] = [b".git", b".hg", b".svn", b".bzr", b"_darcs", b".jj", b".pijul", b"CVS"];

/// All paths git tracks or does not ignore, in byte order; some may be deleted.
pub(super) fn by_git(root: &Path) -> Result<BTreeSet<Vec<u8>>, SourceError> {
    let mut paths = BTreeSet::new();
    collect(root, b"", &mut paths, 0)?;
    Ok(paths)
}

/// All paths below a folder but version control's own, and what no archive can hold.
pub(super) fn by_walk(root: &Path) -> Result<(BTreeSet<Vec<u8>>, Skipped), SourceError> {
    let failed = |error| SourceError::Tree { root: root.to_owned(), source: Box::new(error) };
    let folder =
        std::fs::File::open(root).map_err(|source| failed(ArchiveError::OpenRoot { path: root.to_owned(), source }))?;
    let mut paths = BTreeSet::new();
    let mut skipped = Skipped::default();
    walk(folder.as_fd(), |met| {
        if VCS_FOLDERS.contains(&met.name) && met.kind == FileType::Directory {
            return Ok(Descend::No);
        }
        if matches!(met.kind, FileType::RegularFile | FileType::Symlink | FileType::Directory) {
            paths.insert(met.path.as_os_str().as_bytes().to_vec());
        } else {
            skipped.add(met.path);
        }
        Ok::<_, std::convert::Infallible>(Descend::Yes)
    })
    .map_err(|error| match error {
        WalkError::Read { path, source } => failed(ArchiveError::ReadTree { path, source }),
        WalkError::TooDeep { path } => failed(ArchiveError::TooDeep { path, limit: MAX_DEPTH }),
        WalkError::Visitor(never) => match never {},
    })?;
    Ok((paths, skipped))
}

fn collect(root: &Path, prefix: &[u8], paths: &mut BTreeSet<Vec<u8>>, depth: usize) -> Result<(), SourceError> {
    if depth > MAX_SUBMODULE_DEPTH {
        return Err(SourceError::TooDeep { root: root.to_owned(), limit: MAX_SUBMODULE_DEPTH });
    }
    let git = Git { root };
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = git.run(&args)?;
    let mut repositories: BTreeSet<PathBuf> = BTreeSet::new();
    for name in fields(&listed) {
        // Untracked repositories are listed as folders, with a slash.
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let inner = root.join(path(name));
        if inner.join(".git").exists() && !inner.is_symlink() && inner.is_dir() {
            repositories.insert(path(name));
        } else {
            paths.insert([prefix, name].concat());
        }
    }
    for repository in repositories {
        let prefix = [prefix, repository.as_os_str().as_bytes(), b"/"].concat();
        collect(&root.join(&repository), &prefix, paths, depth + 1)?;
    }
    Ok(())
}
