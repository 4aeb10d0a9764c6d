//! The record of an exec with an id, on disk: that it was started, and how it ended. It outlives the agent.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::protocol::{EndRecord, ExecId, Lease};

/// The file is written this long at the start, so that the end can be recorded on a disk that is full by then.
const RESERVED_BYTES: usize = 16 << 10;
const NAME: &str = "record.json";

/// What is known of an exec after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: ExecId,
    pub(super) lease: Option<Lease>,
    /// Absent: it was running, or is.
    #[serde(default)]
    pub(super) end: Option<EndRecord>,
}

impl Record {
    /// Writes it; a reader sees the old one, the new one, or nothing that can be read.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec(self).map_err(io::Error::other)?;
        text.resize(text.len().max(RESERVED_BYTES), b' ');
        let path = dir.join(NAME);
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.write_all(&text)
    }

    /// Reads it, if there is one that is whole.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        let text = fs::read(dir.join(NAME)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// The directory of an exec.
pub(super) fn dir(root: &Path, id: &ExecId) -> PathBuf {
    root.join(id.as_str())
}
