//! The folder of compiled plugins.
//!
//! wasmtime's own cache keys on the bytes, the compiler's version and its configuration, and treats whatever it
//! cannot read as a miss. What it holds is native code, so nobody else may write there.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::{fs, io};

use wasmtime::{Cache, CacheConfig};

use crate::error::HostError;

/// Bytes that compiled plugins may take on disk before the oldest go.
const SIZE_LIMIT: u64 = 2 << 30;

/// Uses after which wasmtime would compress an entry better in the background. Ours are read at start only, where
/// speed counts.
const NEVER: u64 = 1 << 40;

pub(crate) fn open(folder: &Path) -> Result<Cache, HostError> {
    let failed = |source: io::Error| HostError::CacheFolder { path: folder.to_path_buf(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    check(&folder)?;
    let mut config = CacheConfig::new();
    config
        .with_directory(&folder)
        .with_files_total_size_soft_limit(SIZE_LIMIT)
        .with_optimized_compression_usage_counter_threshold(NEVER);
    Cache::new(config).map_err(|error| HostError::Engine { reason: format!("{error:#}") })
}

/// Refuses a folder that others own or may write to.
fn check(folder: &Path) -> Result<(), HostError> {
    let failed = |source: io::Error| HostError::CacheFolder { path: folder.to_path_buf(), source };
    let metadata = fs::metadata(folder).map_err(failed)?;
    let unsafe_because = |reason: String| HostError::CacheUnsafe { path: folder.to_path_buf(), reason };
    let ours = rustix::process::geteuid().as_raw();
    if metadata.uid() != ours {
        return Err(unsafe_because(format!("it belongs to user {}, and this is user {ours}", metadata.uid())));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(unsafe_because(format!("others may write there (mode {mode:o}); `chmod 700` it")));
    }
    Ok(())
}
