//! Tells where a buildlet can be reached.

use std::fs::Permissions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use buildlet::BuildletUrl;

use crate::commands::output::print_beside;

/// Prints the whole URL, and writes it to the file that was asked for: whole or not at all.
pub(super) fn announce(url: &BuildletUrl, file: Option<&Path>) -> anyhow::Result<()> {
    let text = url.reveal();
    if let Some(path) = file {
        write(path, &text).with_context(|| format!("failed to write the address file `{}`", path.display()))?;
    }
    print_beside(&text)?;
    if io::stderr().is_terminal() {
        // For people only; who reads the URL has it already.
        let _gone = writeln!(io::stderr(), "use it with: muster build --buildlet '{text}'\nCtrl-C ends it");
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owner_only = Permissions::from_mode(0o600);
    let mut file = tempfile::Builder::new().prefix(".muster-").permissions(owner_only).tempfile_in(folder)?;
    writeln!(file, "{text}")?;
    file.persist(path)?;
    Ok(())
}
