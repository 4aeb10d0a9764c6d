//! Keys of blobs: relative paths that every store holds unchanged.

use std::fmt;

use crate::error::KeyError;

/// Longest key, in bytes: S3 and Google hold 1024, less our suffixes and a prefix.
const MAX_KEY_BYTES: usize = 800;
/// Longest part between slashes, in bytes: file systems hold 255, less our suffixes.
const MAX_PART_BYTES: usize = 220;

/// A key: parts of letters, digits, `.`, `_`, `-` and `=`, joined by `/`, none starting with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// Checks a key.
    ///
    /// # Errors
    ///
    /// Where it is empty or too long, or a part is empty, starts with a dot or holds another character;
    /// [`crate::key::escape`] makes a valid part of any text.
    pub fn new(key: impl Into<String>) -> Result<Self, KeyError> {
        let key = key.into();
        let refuse = |reason| Err(KeyError::Invalid { key: key.clone(), reason });
        if key.len() > MAX_KEY_BYTES {
            return refuse("it is longer than 800 bytes");
        }
        for part in key.split('/') {
            if part.is_empty() {
                return refuse("a part of it is empty");
            }
            if part.starts_with('.') {
                return refuse("a part of it starts with a dot");
            }
            if part.len() > MAX_PART_BYTES {
                return refuse("a part of it is longer than 220 bytes");
            }
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-=".contains(&byte);
            if !part.bytes().all(plain) {
                return refuse("it holds other characters than letters, digits, `.`, `_`, `-`, `=` and `/`");
            }
        }
        Ok(BlobKey(key))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        for good in ["a", "a/b.c/d=2F_-x", "snapshots/x..y"] {
            assert!(BlobKey::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", ".a", "a b", "a#1", "ä", "a\\b", "a%2f"] {
            assert!(BlobKey::new(bad).is_err(), "{bad}");
        }
        assert!(BlobKey::new("a".repeat(221)).is_err());
    }
}
