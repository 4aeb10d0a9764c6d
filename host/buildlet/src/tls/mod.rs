//! TLS without authorities: a peer is recognised by its certificate's fingerprint, or by a shared RSA key pair.
//!
//! No protocol is negotiated (ALPN): buildlets speak HTTP/1.1 only.

mod der;
mod error;
mod fingerprint;
mod key_pair;
mod verify;

pub use error::TlsError;
pub use fingerprint::Fingerprint;
pub use key_pair::KeyPair;

pub(crate) use verify::client_config;
