//! The password: by inherited descriptor or from a file that only its owner can read, never by argument or
//! environment.

use std::fs;
use std::path::Path;

use anyhow::Context;
use buildlet::Secret;

use crate::exit::UsageError;
use crate::secret_file;

/// Reads the password in a file.
pub(super) fn from_file(file: &Path) -> anyhow::Result<Secret> {
    not_empty(&secret_file::read("password", file)?)
}

/// Reads the password from an inherited descriptor, to its end.
pub(super) fn from_descriptor(descriptor: i32) -> anyhow::Result<Secret> {
    // Opened by name: taking over a number that something else may own cannot be done safely.
    let text = fs::read_to_string(format!("/proc/self/fd/{descriptor}"))
        .with_context(|| format!("failed to read the password from descriptor {descriptor}"))?;
    not_empty(&text)
}

fn not_empty(text: &str) -> anyhow::Result<Secret> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(UsageError::new("the password is empty", "leave the option out for a random one").into());
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "s3cret\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(from_file(&file).unwrap_err().to_string().contains("mode 0640"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(from_file(&file).unwrap().reveal(), "s3cret");
        fs::write(&file, "\n").unwrap();
        assert!(from_file(&file).is_err());
    }
}
