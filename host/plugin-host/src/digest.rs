//! The digest that names a generation.

use sha2::{Digest as _, Sha256};

/// Characters of a digest that are shown to people: enough to tell generations apart.
const SHORT: usize = 12;

/// `sha256:` and the hex digest of a component's bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The digest as people see it: `sha256:` and its first twelve characters.
pub fn short(digest: &str) -> &str {
    let end = "sha256:".len() + SHORT;
    digest.get(..end).unwrap_or(digest)
}
