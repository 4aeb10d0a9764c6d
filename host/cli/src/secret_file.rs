//! Secrets in files that only their owner can read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context;

use crate::exit::UsageError;

/// Reads a file that holds one secret, without the line break at its end; `what` says which file it is.
///
/// # Errors
/// It cannot be read, or others can read it, too.
pub(crate) fn read(what: &str, file: &Path) -> anyhow::Result<String> {
    let at = || format!("failed to read the {what} file `{}`", file.display());
    let mode = fs::metadata(file).with_context(at)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(UsageError::new(
            format!("the {what} file `{}` can be read by others (mode {:04o})", file.display(), mode & 0o7777),
            format!("chmod 600 {}", file.display()),
        )
        .into());
    }
    let text = fs::read_to_string(file).with_context(at)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
