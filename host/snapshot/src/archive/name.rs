//! Names inside an archive: which are accepted, and their parts.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use crate::error::ArchiveError;

/// Longest single component, in bytes: what every file system of Linux and macOS holds.
const MAX_COMPONENT_BYTES: usize = 255;

/// A relative name that stays inside: no empty, `.` or `..` component, no leading slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SafeName {
    /// The components joined by single slashes.
    joined: Vec<u8>,
}

impl SafeName {
    /// Checks a name found in an archive; `None` is the root itself (`./`).
    pub(crate) fn check(raw: &[u8], max_bytes: usize) -> Result<Option<Self>, ArchiveError> {
        let refuse = |reason| {
            Err(ArchiveError::UnsafeName {
                name: PathBuf::from(OsStr::from_bytes(&raw[..raw.len().min(max_bytes)])),
                reason,
            })
        };
        if raw.is_empty() {
            return refuse("it is empty");
        }
        if raw.len() > max_bytes {
            return refuse("it is longer than the limit");
        }
        if raw[0] == b'/' {
            return refuse("it is absolute");
        }
        if raw.contains(&0) {
            return refuse("it contains a NUL byte");
        }
        let mut joined = Vec::with_capacity(raw.len());
        for component in raw.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return refuse("it contains `..`"),
                _ if component.len() > MAX_COMPONENT_BYTES => {
                    return refuse("one of its parts is longer than 255 bytes");
                }
                _ => {}
            }
            if !joined.is_empty() {
                joined.push(b'/');
            }
            joined.extend_from_slice(component);
        }
        Ok((!joined.is_empty()).then_some(SafeName { joined }))
    }

    /// The directories on the way, joined, and the last component.
    pub(crate) fn split(&self) -> (&[u8], &[u8]) {
        match self.joined.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (&self.joined[..at], &self.joined[at + 1..]),
            None => (b"", &self.joined),
        }
    }

    /// The whole name.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.joined
    }

    /// The whole name, for messages.
    pub(crate) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.joined))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &[u8]) -> String {
        match SafeName::check(raw, 40) {
            Ok(Some(name)) => String::from_utf8_lossy(name.as_bytes()).into_owned(),
            Ok(None) => "(root)".to_owned(),
            Err(ArchiveError::UnsafeName { reason, .. }) => format!("refused: {reason}"),
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn names_that_stay_inside_are_cleaned() {
        assert_eq!(check(b"a/b"), "a/b");
        assert_eq!(check(b"./a//b/"), "a/b");
        assert_eq!(check(b"a/./b"), "a/b");
        assert_eq!(check(b"./"), "(root)");
        assert_eq!(check(b"..a/b..c/..."), "..a/b..c/...");
        assert_eq!(check(br"a\..\b"), r"a\..\b");
    }

    #[test]
    fn names_that_could_leave_are_refused() {
        assert_eq!(check(b""), "refused: it is empty");
        assert_eq!(check(b"/etc/passwd"), "refused: it is absolute");
        assert_eq!(check(b"//x"), "refused: it is absolute");
        assert_eq!(check(b".."), "refused: it contains `..`");
        assert_eq!(check(b"a/../b"), "refused: it contains `..`");
        assert_eq!(check(b"a/.."), "refused: it contains `..`");
        assert_eq!(check(b"a\0b"), "refused: it contains a NUL byte");
        assert_eq!(check(&[b'a'; 41]), "refused: it is longer than the limit");
    }
}
