//! The operator's token: made at the first start, in a file that only this account can read, where clients of the same
//! account find it by themselves.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use service::identity::{Scope, Scopes, digest, mint};
use store::Store;

use crate::client::{called_at, pointer_path};
use crate::config::find::Folders;

/// The file of the token, in the state folder.
const FILE: &str = "token";

/// Makes sure that there is a token, and where it stands.
///
/// # Errors
/// The file or the store cannot be written.
pub(super) async fn ensure(store: &Store, state: &Path) -> anyhow::Result<PathBuf> {
    let path = state.join(FILE);
    if let Ok(secret) = tokio::fs::read_to_string(&path).await
        && store.token_by_digest(&digest(secret.trim())).await.context("failed to read the tokens")?.is_some()
    {
        return Ok(path);
    }
    let minted = mint("operator", &Scopes::new(Scope::ALL), None, "muster serve");
    let minted = minted.map_err(|problem| anyhow::anyhow!("failed to make a token: {}", problem.detail()))?;
    write_private(&path, &minted.secret)?;
    store.add_token(&minted.row).await.context("failed to keep the token")?;
    Ok(path)
}

/// Lets clients of this account find the token of this address.
///
/// # Errors
/// A file cannot be written.
pub(super) fn announce(folders: &Folders, listen: SocketAddr, token: &Path) -> anyhow::Result<()> {
    let token = std::path::absolute(token).context("failed to resolve the token's path")?;
    for address in called_at(listen) {
        let Some(pointer) = pointer_path(folders, &address.to_string()) else { return Ok(()) };
        let Some(folder) = pointer.parent() else { return Ok(()) };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
        write_private(&pointer, &token.to_string_lossy())?;
    }
    Ok(())
}

/// Whole or not at all, and for this account's eyes only.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("failed to write `{}`", path.display());
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new).with_context(failed)?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).with_context(failed)?;
    std::fs::rename(&new, path).with_context(failed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_found_at_the_loopback_address() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders { state: Some(home.path().to_owned()), ..Folders::default() };
        announce(&folders, "0.0.0.0:5937".parse().unwrap(), Path::new("/s/token")).unwrap();
        announce(&folders, "[::]:5938".parse().unwrap(), Path::new("/s/token")).unwrap();
        for address in ["127.0.0.1:5937", "[::1]:5938", "127.0.0.1:5938"] {
            let pointer = pointer_path(&folders, address).unwrap();
            assert_eq!(std::fs::read_to_string(pointer).unwrap(), "/s/token\n", "{address}");
        }
    }
}
