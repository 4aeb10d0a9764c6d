//! Names of tests as keys of an index.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

/// Most bytes of a text in an index: a row of PostgreSQL's holds 2,704 bytes, and may have two such texts.
pub(crate) const MAX_INDEXED: usize = 1_000;

/// What a test is kept under: its name; of one that is longer than 1,000 bytes, as many of these as are whole letters, and
/// the SHA-256 digest of the name in hexadecimal digits. Such a key is longer than any name that is its own.
pub(crate) fn key(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_INDEXED {
        return Cow::Borrowed(name);
    }
    let begin = &name[..name.floor_char_boundary(MAX_INDEXED)];
    Cow::Owned(format!("{begin}{}", hex::encode(Sha256::digest(name.as_bytes()))))
}
