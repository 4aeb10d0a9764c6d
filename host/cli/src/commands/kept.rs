//! The folders of what outlives a command, and of what does not.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::find::{Folders, Kept};
use crate::config::host::HostFile;
use crate::exit::UsageError;

/// The folder that was named, else the host's, else where this user's programs keep theirs; absolute.
///
/// # Errors
/// There is none of these.
pub(crate) fn kept(named: Option<&Path>, host: &HostFile, folders: &Folders) -> anyhow::Result<Kept> {
    let absolute = |folder: PathBuf| {
        std::path::absolute(&folder).with_context(|| format!("failed to resolve `{}`", folder.display()))
    };
    let configured = host.config.state.dir.as_deref().map(|dir| host.resolve(dir));
    let asked = named.map(Path::to_owned).or(configured).map(absolute).transpose()?;
    folders.kept(asked).ok_or_else(|| {
        UsageError::new(
            "there is no folder for history, snapshots and compiled plugins",
            "set HOME, or `[state] dir` in the host's coordinator.toml",
        )
        .into()
    })
}

/// Folders for a look: what is written there goes with this, and compiled code is used where there is some.
pub(crate) struct Scratch {
    _folder: tempfile::TempDir,
    /// The folders.
    pub(crate) kept: Kept,
}

impl Scratch {
    /// Beside what is kept.
    ///
    /// # Errors
    /// No folder can be made.
    pub(crate) fn over(kept: &Kept) -> anyhow::Result<Scratch> {
        let folder = tempfile::tempdir().context("failed to make a folder")?;
        let compiled = if kept.compiled.exists() { kept.compiled.clone() } else { folder.path().join("compiled") };
        let kept = Kept { state: folder.path().to_owned(), compiled };
        Ok(Scratch { _folder: folder, kept })
    }
}
