//! Secrets in files that only their owner can read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::exit::UsageError;

/// Reads a file that holds one secret, without the line break at its end; `what` says which file it is.
///
/// # Errors
/// It cannot be read, or others can read it, too.
pub(crate) fn read(what: &str, file: &Path) -> Result<String, UsageError> {
    let failed = |error: std::io::Error| {
        UsageError::new(
            format!("failed to read the {what} file `{}`: {error}", file.display()),
            "check the path, and that you may read it",
        )
    };
    let mode = fs::metadata(file).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(UsageError::new(
            format!("the {what} file `{}` can be read by others (mode {:04o})", file.display(), mode & 0o7777),
            format!("chmod 600 {}", file.display()),
        ));
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
