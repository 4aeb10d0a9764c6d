//! Where a server says, to clients of the same account, which file holds its token.
//!
//! `$XDG_STATE_HOME/muster/servers/HOST:PORT` (0600) holds the absolute path of the token's file, and nothing else.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use crate::config::find::Folders;

/// The folder below the state folder.
const SERVERS: &str = "servers";

/// The addresses at which clients on its own machine call a server that listens here, the likeliest first: one that
/// listens everywhere also listens at the loopback address.
pub(crate) fn called_at(listen: SocketAddr) -> Vec<SocketAddr> {
    let port = listen.port();
    match listen {
        SocketAddr::V4(address) if address.ip().is_unspecified() => vec![(Ipv4Addr::LOCALHOST, port).into()],
        SocketAddr::V6(address) if address.ip().is_unspecified() => {
            vec![(Ipv6Addr::LOCALHOST, port).into(), (Ipv4Addr::LOCALHOST, port).into()]
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => vec![listen],
    }
}

/// The file for a server at this address, `HOST:PORT`. None where the account has no folder for state.
pub(crate) fn pointer_path(folders: &Folders, address: &str) -> Option<PathBuf> {
    // An address never has a slash in it; what has is none.
    if address.contains('/') || address.is_empty() {
        return None;
    }
    Some(folders.state.as_ref()?.join(SERVERS).join(address))
}
