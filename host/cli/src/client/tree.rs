//! A local tree, packed and brought to the server.

use std::io::{Seek as _, SeekFrom, Write};
use std::sync::Arc;

use anyhow::Context;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use sha2::{Digest as _, Sha256};
use snapshot::archive::{Compression, PackOptions};
use snapshot::source::SourceListing;
use tokio_util::io::ReaderStream;

use super::{Client, ServerError};

/// A tree as an archive in a file without a name.
pub struct PackedTree {
    file: std::fs::File,
    /// Bytes of the archive.
    pub bytes: u64,
    /// `sha256:...` of the archive.
    pub digest: String,
}

/// Packs a listed tree.
///
/// # Errors
/// A file changed meanwhile, or there is no room for the archive.
pub async fn pack(listing: Arc<SourceListing>) -> anyhow::Result<PackedTree> {
    let packed = tokio::task::spawn_blocking(move || {
        let file = tempfile::tempfile().context("failed to make a file for the archive")?;
        let mut out = Hashing { file, hasher: Sha256::new(), bytes: 0 };
        let root = listing.root.display().to_string();
        snapshot::source::push(&listing, &mut out, &PackOptions::new(Compression::Zstd))
            .with_context(|| format!("failed to pack `{root}`"))?;
        let Hashing { mut file, hasher, bytes } = out;
        file.seek(SeekFrom::Start(0)).context("failed to read the archive back")?;
        anyhow::Ok(PackedTree { file, bytes, digest: format!("sha256:{:x}", hasher.finalize()) })
    });
    packed.await.context("packing the tree panicked")?
}

/// Counts and hashes what goes by.
struct Hashing {
    file: std::fs::File,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl PackedTree {
    /// Brings it to the server.
    ///
    /// # Errors
    /// The server refuses it, or cannot be reached.
    pub async fn upload(self, client: &Client) -> Result<(), ServerError> {
        let body = reqwest::Body::wrap_stream(ReaderStream::new(tokio::fs::File::from_std(self.file)));
        let request = client.request(Method::PUT, &format!("/trees/{}", self.digest));
        let request = request.header(CONTENT_TYPE, "application/zstd").header(CONTENT_LENGTH, self.bytes);
        client.send(request.body(body)).await.map(drop)
    }
}
