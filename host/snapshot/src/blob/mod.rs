//! The blob store: files on disk, S3 or Google Cloud Storage behind one interface that commits only whole blobs.
//!
//! A blob is two objects. Its content lies under `<key>.<16 hex digits>`, a name used once; a small JSON record under
//! `<key>.record` says which one counts, its length and SHA-256 digest, when it was made and what it is. Writing the
//! record is the commit: until then nobody sees the blob, and two writers of one key cannot mix their content. Content
//! without a record, left by a process that was killed, is removed by [`BlobStore::sweep`]; [`BlobStore::prune`] keeps
//! the whole within bounds.
//!
//! Beside blobs a store holds plain objects ([`BlobStore::put_object`]): one request each, created once and never
//! replaced. They are for what is small, numerous and carries its own checks, as the segments of a log are.

mod key;
mod list;
mod objects;
mod open;
mod prune;
mod reader;
mod record;
mod store;
mod writer;

pub use key::BlobKey;
pub use objects::ObjectInfo;
pub use open::BlobOptions;
pub use prune::{Bounds, Pruned};
pub use reader::BlobReader;
pub use record::BlobMeta;
pub use store::{BlobStore, SignedUrl};
pub use writer::{BlobWriter, MAX_BLOB_BYTES, PART_BYTES, PutMode};
