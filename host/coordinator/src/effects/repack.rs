//! A stored snapshot for machines that unpack only gzip: packed anew once, and kept beside the original.

use std::io;

use engine::ExecFailure;
use snapshot::archive::{Compression, PackOptions};
use snapshot::blob::PutMode;
use tokio_util::io::SyncIoBridge;

use super::pipe;
use super::save::{key_failure, store_failure};
use crate::job::{Job, Stored};

/// How its name ends: no snapshot of a build is called so.
const EXTENSION: &str = "repacked.tar.gz";

/// The same tree as gzip. Machines that need it at the same time wait for the first one's.
pub(super) async fn gzip_of(job: &Job, stored: &Stored) -> Result<Stored, ExecFailure> {
    let mut repacked = job.repacked.lock().await;
    if let Some((of, gzip)) = &*repacked
        && *of == stored.digest
    {
        return Ok(gzip.clone());
    }
    let key = job.key.write_key(EXTENSION).map_err(|error| key_failure(&error))?;
    // An earlier build's is as good if it is of the same bytes.
    let kind = format!("snapshot {} repacked", stored.digest);
    let known = job.blobs.head(&key).await.map_err(|error| store_failure(&error))?;
    let meta = match known.filter(|meta| meta.kind == kind) {
        Some(meta) => {
            if let Err(error) = job.blobs.mark_used(&meta.key).await {
                tracing::warn!(%error, "a snapshot that is used may be taken for one that is not");
            }
            meta
        }
        None => {
            let reader = job.blobs.get(&stored.key).await.map_err(|error| store_failure(&error))?;
            let reader = SyncIoBridge::new(reader.into_async_read());
            let stream = pipe::blocking_stream(move |writer| {
                let options = PackOptions::new(Compression::Gzip);
                snapshot::archive::repack(reader, writer, &options).map(drop).map_err(io::Error::other)
            });
            let put = job.blobs.put_stream(&key, &kind, PutMode::Replace, stream).await;
            put.map_err(|error| store_failure(&error))?
        }
    };
    let gzip = Stored { key, compression: Compression::Gzip, digest: meta.sha256 };
    *repacked = Some((stored.digest, gzip.clone()));
    Ok(gzip)
}
