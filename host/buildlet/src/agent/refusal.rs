//! Answers that are errors.

use std::io;

use snapshot::{ArchiveError, Fault};

use super::http1::Exchange;
use crate::protocol::headers;

/// How handling a request ends when it does not end well.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The client is told.
    Refuse(Refusal),
    /// The connection is of no more use.
    Cut(io::Error),
}

/// An error the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) text: String,
    /// One word for Muster's clients.
    pub(crate) reason: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: u16, text: impl Into<String>) -> Self {
        Refusal { status, text: text.into(), reason: None }
    }

    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(400, text)
    }

    pub(crate) fn gone(text: impl Into<String>) -> Self {
        Refusal { status: 410, text: text.into(), reason: Some("gone") }
    }

    /// What this machine could not do; a full disk has a status of its own.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        if is_full(error) {
            let text = format!("{what}: no space left on device");
            return Refusal { status: 507, text, reason: Some("disk-full") };
        }
        Self::new(500, format!("{what}: {}", go_text(error)))
    }

    pub(crate) async fn send(&self, exchange: &mut Exchange<'_>) -> io::Result<()> {
        let mut fields = vec![("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")];
        if let Some(reason) = self.reason {
            fields.push((headers::REASON, reason));
        }
        exchange.respond(self.status, &fields, format!("{}\n", self.text).as_bytes()).await
    }
}

impl From<Refusal> for Fail {
    fn from(refusal: Refusal) -> Self {
        Fail::Refuse(refusal)
    }
}

impl From<io::Error> for Fail {
    fn from(error: io::Error) -> Self {
        Fail::Cut(error)
    }
}

impl From<&ArchiveError> for Refusal {
    fn from(error: &ArchiveError) -> Self {
        let cause = error.root_cause();
        if let Some(source) = io_cause(cause).filter(|source| is_full(source)) {
            return Refusal::io("unpacking the archive", source);
        }
        let text = if let ArchiveError::UnsafeName { name, .. } = cause {
            format!("tar file contained invalid name {:?}", name.to_string_lossy())
        } else if let ArchiveError::WrongCompression { expected, found } = cause {
            format!("requires {expected}-compressed body: found {found}")
        } else if let ArchiveError::UnsupportedType { name, kind } = cause {
            format!("tar file entry {} contained unsupported file type {kind}", name.display())
        } else {
            format!("tar error: {}", crate::client::chain(cause))
        };
        let status = match error.fault() {
            Fault::Archive => 400,
            Fault::Local => 500,
        };
        Refusal::new(status, text)
    }
}

/// Whether a disk or a quota is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// An error of the system in Go's words: lower case, without the number.
pub(crate) fn go_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The error of the system behind an error.
pub(crate) fn io_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
