//! Components that are named on the command line.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::exit::UsageError;

/// The whole path of a component.
///
/// # Errors
/// It is not there, or is no file.
pub fn plugin_file(file: &Path) -> anyhow::Result<PathBuf> {
    let wrong = |why: &str| {
        UsageError::new(
            format!("the plugin `{}` {why}", file.display()),
            "give the file of a component; `muster plugin build DIR` makes one",
        )
    };
    if !file.exists() {
        return Err(wrong("is not there").into());
    }
    if !file.is_file() {
        return Err(wrong("is not a file").into());
    }
    file.canonicalize().with_context(|| format!("failed to resolve `{}`", file.display()))
}
