//! A store of logs in a folder of the test's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use logs::{LogSettings, LogStore};
use snapshot::blob::{BlobOptions, BlobStore};

/// A folder, and stores that open it.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A store as another process would open it: it knows nothing yet.
    pub(crate) fn open(&self, settings: &LogSettings) -> LogStore {
        let blobs = BlobStore::open(self.path().to_str().unwrap(), &BlobOptions::default()).unwrap();
        LogStore::new(blobs, settings.clone())
    }

    /// The files of a stream's segments, in order.
    pub(crate) fn segments(&self, build: u64, stream: &str) -> Vec<PathBuf> {
        let folder = self.path().join(format!("logs/{build}/{stream}"));
        let entries = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Small segments, and none written by the clock.
pub(crate) fn small() -> LogSettings {
    let never = Duration::from_hours(1);
    LogSettings { segment_bytes: 100, flush_after: never, flush_at_most_after: never, ..LogSettings::default() }
}

/// All of a stream, read in pieces.
pub(crate) async fn whole(logs: &LogStore, build: u64, stream: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let chunk = logs.read(build, stream, bytes.len() as u64, 37).await.unwrap();
        if chunk.bytes.is_empty() {
            assert_eq!(chunk.end, bytes.len() as u64);
            return bytes;
        }
        bytes.extend_from_slice(&chunk.bytes);
    }
}
