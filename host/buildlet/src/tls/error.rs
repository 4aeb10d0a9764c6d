//! What can go wrong with keys and certificates.

use std::path::PathBuf;

use thiserror::Error;

/// A key pair could not be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text holds no PEM item of the kind wanted.
    #[error("find a {what} in PEM text")]
    Pem {
        /// `certificate` or `private key`.
        what: &'static str,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate carries no RSA key, so it cannot be one of the ancestor's.
    #[error("find an RSA key in the certificate")]
    NotRsa,
    /// A new certificate could not be made.
    #[error("make a certificate")]
    Generate(#[source] rcgen::Error),
    /// The pair cannot serve TLS.
    #[error("set up TLS with the key pair")]
    Configure(#[source] rustls::Error),
}
