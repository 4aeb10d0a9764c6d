//! The files under version control, or all files of a tree that came without its history.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The folders of what was built.
const BUILT: &str = "target";

/// The root of the working tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The paths git tracks and that are still there, relative to the root. A tree that was pushed to a machine has no
/// history: there, whatever was not built is taken for tracked.
pub(crate) fn tracked() -> anyhow::Result<Vec<PathBuf>> {
    if !root().join(".git").exists() {
        return pushed();
    }
    let output = Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output().context("run git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout)?;
    let paths = listing.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from);
    Ok(paths.filter(|path| root().join(path).exists()).collect())
}

fn pushed() -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if !entry.file_type()?.is_dir() {
                paths.push(path);
            } else if entry.file_name() != BUILT {
                folders.push(path);
            }
        }
    }
    paths.sort();
    Ok(paths)
}

/// The tracked Rust sources with their text.
pub(crate) fn rust_sources() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let sources = tracked()?.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).with_context(|| path.display().to_string())?;
            Ok((path, text))
        })
        .collect()
}

/// Fails with one line for each offence.
pub(crate) fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}
