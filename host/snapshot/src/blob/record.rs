//! The record that commits a blob.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::key::BlobKey;
use crate::digest::Digest;

/// The form of record this program writes and reads.
const VERSION: u32 = 1;

/// What is known of a committed blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobMeta {
    /// Its key.
    pub key: BlobKey,
    /// Its content's length in bytes.
    pub length: u64,
    /// Its content's digest.
    pub sha256: Digest,
    /// When it was committed, in seconds since 1970, by the writer's clock.
    pub created_at: u64,
    /// What it is, in its writer's words (`snapshot+gzip`, `log`).
    pub kind: String,
    /// The part of the content's name after the key.
    pub(super) suffix: String,
}

impl BlobMeta {
    /// How long ago it was committed; zero if its writer's clock is ahead.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Duration {
        let created = UNIX_EPOCH + Duration::from_secs(self.created_at);
        now.duration_since(created).unwrap_or(Duration::ZERO)
    }
}

/// The record as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    version: u32,
    length: u64,
    sha256: Digest,
    created_at: u64,
    kind: String,
    suffix: String,
}

/// Encodes a record.
pub(super) fn encode(meta: &BlobMeta) -> Vec<u8> {
    let record = Record {
        version: VERSION,
        length: meta.length,
        sha256: meta.sha256,
        created_at: meta.created_at,
        kind: meta.kind.clone(),
        suffix: meta.suffix.clone(),
    };
    serde_json::to_vec(&record).expect("numbers and strings are always JSON")
}

/// Decodes a record; the error says what is wrong with it.
pub(super) fn decode(key: &BlobKey, bytes: &[u8]) -> Result<BlobMeta, String> {
    let record: Record = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if record.version != VERSION {
        return Err(format!("its version is {}, known is {VERSION}", record.version));
    }
    if !is_suffix(&record.suffix) {
        return Err("it names no content".to_owned());
    }
    Ok(BlobMeta {
        key: key.clone(),
        length: record.length,
        sha256: record.sha256,
        created_at: record.created_at,
        kind: record.kind,
        suffix: record.suffix,
    })
}

/// Whether this is the end of a content's name.
pub(super) fn is_suffix(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
