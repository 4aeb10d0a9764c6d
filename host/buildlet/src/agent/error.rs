//! Why an agent cannot start or go on.

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

use crate::tls::TlsError;

/// Why an agent cannot start or go on.
#[derive(Debug, Error)]
pub enum AgentError {
    /// A directory it needs could not be made or used.
    #[error("prepare directory `{path}`")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The address could not be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// TLS could not be set up.
    #[error("set up TLS")]
    Tls(#[source] TlsError),
    /// What the system offers for owning processes could not be had.
    #[error("{what}")]
    Process {
        /// What was to be done.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another agent uses the same state directory.
    #[error("own state directory `{0}`: another agent uses it")]
    StateInUse(PathBuf),
}
