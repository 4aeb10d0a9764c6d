//! Where a development server says, to clients of the same account, which file holds its token.
//!
//! `$XDG_STATE_HOME/muster/servers/HOST:PORT` (0600) holds the absolute path of the token's file, and nothing else.

use std::path::PathBuf;

use crate::config::find::Folders;

/// The folder below the state folder.
const SERVERS: &str = "servers";

/// The file for a server at this address, `HOST:PORT`. None where the account has no folder for state.
pub(crate) fn pointer_path(folders: &Folders, address: &str) -> Option<PathBuf> {
    // An address never has a slash in it; what has is none.
    if address.contains('/') || address.is_empty() {
        return None;
    }
    Some(folders.state.as_ref()?.join(SERVERS).join(address))
}
