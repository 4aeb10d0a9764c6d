//! Which paths of the work directory a client may name, and where they lead.
//!
//! The rule is that of protocol version 26 (Unix): cleaned by slashes, neither absolute nor leading out. For files and
//! archives no symbolic link may lead out of the work directory either. It guards against mistakes: who may run
//! commands may do anything.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

/// Cleans a relative path, as Go's `path.Clean`; `None` if it is refused. The root is `.`.
pub(crate) fn relative(path: &[u8]) -> Option<PathBuf> {
    if path.is_empty() || path[0] == b'/' || path.contains(&0) {
        return None;
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    Some(if joined.is_empty() { PathBuf::from(".") } else { PathBuf::from(OsStr::from_bytes(&joined)) })
}

/// Joins a cleaned path to the work directory.
pub(crate) fn join(work_dir: &Path, relative: &Path) -> PathBuf {
    if relative == Path::new(".") { work_dir.to_owned() } else { work_dir.join(relative) }
}

/// Whether a path below the work directory stays there once its symbolic links are followed. Parts that do not exist
/// yet lead nowhere; a link that dangles could lead anywhere and is refused.
pub(crate) fn stays_inside(work_dir: &Path, path: &Path) -> io::Result<bool> {
    let root = work_dir.canonicalize()?;
    let mut existing = path;
    loop {
        match existing.canonicalize() {
            Ok(real) => return Ok(real.starts_with(&root)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if existing.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                    return Ok(false);
                }
            }
            // A file in the place of a directory: what is to be done with it will say so.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            Err(error) => return Err(error),
        }
        match existing.parent() {
            Some(parent) => existing = parent,
            None => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked_as_version_26_does() {
        let shown = |path: &str| relative(path.as_bytes()).map(|path| path.to_string_lossy().into_owned());
        for (path, expected) in [
            ("", None),
            (".", Some(".")),
            ("a/b", Some("a/b")),
            ("/a", None),
            (r"a\b", Some(r"a\b")),
            ("..", None),
            ("../a", None),
            ("a/..", Some(".")),
            ("a/b/../../..", None),
            ("x/../..", None),
            ("a/../../b", None),
            ("a/../b", Some("b")),
            ("a../b", Some("a../b")),
            ("a//b/./", Some("a/b")),
            ("a\0b", None),
        ] {
            assert_eq!(shown(path).as_deref(), expected, "{path:?}");
        }
    }

    #[test]
    fn links_may_not_lead_out() -> io::Result<()> {
        let outside = tempfile::tempdir()?;
        let inside = tempfile::tempdir()?;
        let root = inside.path();
        std::fs::create_dir(root.join("dir"))?;
        std::os::unix::fs::symlink(outside.path(), root.join("out"))?;
        std::os::unix::fs::symlink("dir", root.join("in"))?;
        std::os::unix::fs::symlink("/nowhere/at/all", root.join("dangling"))?;
        for (path, expected) in [
            ("dir/new/file", true),
            ("in/file", true),
            ("out", false),
            ("out/new/file", false),
            ("dangling", false),
            ("dangling/x", false),
        ] {
            assert_eq!(stays_inside(root, &root.join(path))?, expected, "{path}");
        }
        Ok(())
    }
}
