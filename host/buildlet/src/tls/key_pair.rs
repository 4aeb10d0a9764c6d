//! A certificate with its private key: the ancestor's pair from PEM, or a new self-signed one.

use std::{fmt, path::Path, sync::Arc};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use sha1::Digest as _;

use super::{Fingerprint, TlsError, der};
use crate::Secret;

/// A certificate and its private key.
pub struct KeyPair {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    key_pem: Vec<u8>,
}

impl KeyPair {
    /// Reads a pair from PEM text; of several certificates the first is the peer's own.
    ///
    /// # Errors
    /// If either text holds no such item.
    pub fn from_pem(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Self, TlsError> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem)
            .map_err(|source| TlsError::Pem { what: "certificate", source })?;
        let key =
            PrivateKeyDer::from_pem_slice(key_pem).map_err(|source| TlsError::Pem { what: "private key", source })?;
        Ok(KeyPair { certificate, key, key_pem: key_pem.to_vec() })
    }

    /// Reads a pair from two PEM files.
    ///
    /// # Errors
    /// If a file cannot be read or holds no such item.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
        Self::from_pem(&read(certificate)?, &read(key)?)
    }

    /// Makes a new self-signed pair (ECDSA P-256), to be recognised by its fingerprint.
    ///
    /// # Errors
    /// If the key cannot be made.
    pub fn generate() -> Result<Self, TlsError> {
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).map_err(TlsError::Generate)?;
        let key_pem = signed.signing_key.serialize_pem();
        Self::from_pem(signed.cert.pem().as_bytes(), key_pem.as_bytes())
    }

    /// The ancestor's password: lower-case hex SHA-1 of the bytes of the key's PEM text.
    #[must_use]
    pub fn password(&self) -> Secret {
        Secret::new(hex::encode(sha1::Sha1::digest(&self.key_pem)))
    }

    /// The fingerprint of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// The modulus of the certificate's RSA key, without leading zeros.
    ///
    /// # Errors
    /// If it carries another kind of key.
    pub(crate) fn rsa_modulus(&self) -> Result<Vec<u8>, TlsError> {
        der::rsa_modulus(&self.certificate).map(<[u8]>::to_vec).ok_or(TlsError::NotRsa)
    }

    /// The server's side of TLS with this pair.
    pub(crate) fn server_config(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Configure)?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .map_err(TlsError::Configure)?;
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_sha1_of_the_pem_bytes() {
        let pair = KeyPair::generate().expect("a key pair");
        let pem = pair.key_pem.clone();
        let expected = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &pem);
        assert_eq!(pair.password().reveal(), hex::encode(expected));
        assert!(matches!(pair.rsa_modulus(), Err(TlsError::NotRsa)));
    }

    #[test]
    fn text_without_keys_is_refused() {
        assert!(matches!(KeyPair::from_pem(b"", b""), Err(TlsError::Pem { what: "certificate", .. })));
    }
}
