//! Uploaded trees: where they lie in the blob store.

use snapshot::Digest;
use snapshot::blob::BlobKey;

use crate::problem::{Kind, Problem};

/// What the blob store is told an uploaded tree is.
pub const TREE_KIND: &str = "tree";
/// How digests are written.
const PREFIX: &str = "sha256:";

/// Where a tree lies that was uploaded as an archive with this digest.
///
/// # Errors
/// The text is no digest.
pub fn tree_key(digest: &str) -> Result<BlobKey, Problem> {
    let digest = parse(digest)?;
    BlobKey::new(format!("trees/{digest}")).map_err(|error| Problem::internal(error.to_string()))
}

/// Reads `sha256:` and 64 hex digits.
pub(crate) fn parse(digest: &str) -> Result<Digest, Problem> {
    let hex = digest.strip_prefix(PREFIX).unwrap_or_default();
    hex.parse().map_err(|_| {
        Problem::new(
            Kind::BadRequest,
            format!("`{digest}` is not a digest"),
            "write `sha256:` and the 64 hex digits of the archive's SHA-256",
        )
    })
}
