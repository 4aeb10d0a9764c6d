//! Recognising a peer: one pinned fingerprint, or one RSA modulus. Chains, names and dates are not looked at.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{Fingerprint, TlsError, der};
use crate::Trust;

/// The client's side of TLS; `None` where there is none.
pub(crate) fn client_config(trust: &Trust) -> Result<Option<Arc<rustls::ClientConfig>>, TlsError> {
    let pinned = match trust {
        Trust::Plain => return Ok(None),
        Trust::Fingerprint(fingerprint) => Pinned::Fingerprint(*fingerprint),
        Trust::KeyPair(pair) => Pinned::Modulus(pair.rsa_modulus()?),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier { pinned, provider: Arc::clone(&provider) };
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Configure)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Some(Arc::new(config)))
}

#[derive(Debug)]
enum Pinned {
    Fingerprint(Fingerprint),
    Modulus(Vec<u8>),
}

#[derive(Debug)]
struct Verifier {
    pinned: Pinned,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let known = match &self.pinned {
            Pinned::Fingerprint(fingerprint) => Fingerprint::of(end_entity) == *fingerprint,
            Pinned::Modulus(modulus) => der::rsa_modulus(end_entity) == Some(modulus.as_slice()),
        };
        if known {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
