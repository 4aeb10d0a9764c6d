//! Opens connections: TCP, and TLS over it where the URL says so.

use std::{pin::Pin, sync::Arc};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::error::{CallFailure, FailureKind, chain};
use crate::{BuildletUrl, tls};

/// A byte stream to a buildlet.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// How to open connections to one buildlet.
pub(crate) struct Connector {
    authority: (String, u16),
    tls: Option<TlsConnector>,
}

impl Connector {
    pub(crate) fn new(url: &BuildletUrl) -> Result<Self, CallFailure> {
        let config = tls::client_config(&url.trust).map_err(|error| CallFailure {
            call: "connect",
            kind: FailureKind::Untrusted,
            detail: chain(&error),
        })?;
        Ok(Connector {
            authority: (url.host.clone(), url.port),
            tls: config.map(|config| TlsConnector::from(Arc::clone(&config))),
        })
    }

    /// Opens one connection; the caller sets the time limit.
    pub(crate) async fn open(&self, call: &'static str) -> Result<Pin<Box<dyn Duplex>>, CallFailure> {
        let (host, port) = &self.authority;
        let failed = |kind, error: &std::io::Error| CallFailure {
            call,
            kind,
            detail: format!("connecting to {host}:{port}: {}", chain(error)),
        };
        let stream = TcpStream::connect((host.as_str(), *port))
            .await
            .map_err(|error| failed(FailureKind::Unreachable, &error))?;
        // Requests are small and answers are waited for: nothing is gained by gathering bytes.
        stream.set_nodelay(true).map_err(|error| failed(FailureKind::Unreachable, &error))?;
        let Some(tls) = &self.tls else {
            return Ok(Box::pin(stream));
        };
        // The name is not looked at: the peer is recognised by its key.
        let name = ServerName::try_from("localhost").expect("it is a valid name");
        match tls.connect(name, stream).await {
            Ok(stream) => Ok(Box::pin(stream)),
            Err(error) => {
                let untrusted = error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<rustls::Error>())
                    .is_some_and(|inner| matches!(inner, rustls::Error::InvalidCertificate(_)));
                let kind = if untrusted { FailureKind::Untrusted } else { FailureKind::Unreachable };
                Err(failed(kind, &error))
            }
        }
    }
}
