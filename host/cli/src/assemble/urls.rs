//! URLs of buildlets, given or in files. They hold passwords, and are never repeated in a message.

use std::path::Path;

use buildlet::BuildletUrl;

use crate::exit::{self, UsageError};
use crate::secret_file;

/// The URL that was given.
///
/// # Errors
/// It is none.
pub(crate) fn given(text: &str) -> Result<BuildletUrl, UsageError> {
    parse(text, "a buildlet URL")
}

/// The URL in a file that only its owner can read.
///
/// # Errors
/// The file cannot be read, others can read it, too, or it holds no URL.
pub(crate) fn in_file(file: &Path) -> Result<BuildletUrl, UsageError> {
    let text = secret_file::read("buildlet URL", file)?;
    parse(text.trim(), &format!("the buildlet URL in `{}`", file.display()))
}

fn parse(text: &str, what: &str) -> Result<BuildletUrl, UsageError> {
    text.parse::<BuildletUrl>().map_err(|error| {
        let why = exit::describe(&anyhow::Error::from(error));
        UsageError::new(format!("failed to use {what}: {why}"), "`muster buildlet` prints the whole URL")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_names_it_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab-1.url");
        let told = |text: &str, mode| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            in_file(&file).map(|url| url.host).map_err(|error| error.to_string())
        };
        assert_eq!(told("http://:s3cret@lab-1:5936/\n", 0o600).as_deref(), Ok("lab-1"));
        for (text, mode) in [("http://:s3cret@lab-1:5936/\n", 0o644), ("ftp://:s3cret@lab-1/\n", 0o600)] {
            let error = told(text, mode).unwrap_err();
            assert!(error.contains("lab-1.url") && !error.contains("s3cret"), "{error}");
        }
    }
}
