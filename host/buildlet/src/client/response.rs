//! Reads an answer: its status as a kind of failure, its body, its trailers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{
    connection::Connection,
    error::{CallFailure, FailureKind, chain},
    request::Shared,
};
use crate::protocol::headers;

/// Most bytes of an error's text that are read, as in the protocol's own client.
const MAX_ERROR_BYTES: usize = 4096;

/// The head of an answer, and its body still to be read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) trailers: HeaderMap,
    call: &'static str,
    shared: Arc<Shared>,
    body: Incoming,
    connection: Option<Connection>,
}

impl Answer {
    pub(crate) fn new(
        call: &'static str,
        shared: Arc<Shared>,
        response: Response<Incoming>,
        connection: Connection,
    ) -> Self {
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            trailers: HeaderMap::new(),
            call,
            shared,
            body,
            connection: Some(connection),
        }
    }

    /// The next bytes of the body; `None` at its end, when the trailers are known.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, CallFailure> {
        let call = self.call;
        let shared = Arc::clone(&self.shared);
        shared.unless_dead(call, self.chunk_unwatched()).await
    }

    /// The same, broken when no byte comes for this long.
    pub(crate) async fn chunk_within(&mut self, stall: Duration) -> Result<Option<Bytes>, CallFailure> {
        let call = self.call;
        tokio::time::timeout(stall, self.chunk()).await.unwrap_or_else(|_| {
            Err(CallFailure { call, kind: FailureKind::Broken, detail: format!("no byte came for {stall:?}") })
        })
    }

    /// Reads the whole body of an answer of status 200; another status is the failure it means.
    pub(crate) async fn read(mut self, max_bytes: usize) -> Result<Vec<u8>, CallFailure> {
        self = self.require_ok().await?;
        let stall = self.shared.settings.stall;
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk_within(stall).await? {
            if whole.len() + chunk.len() > max_bytes {
                return Err(self.broken(format!("the answer is longer than {max_bytes} bytes")));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    /// Passes an answer of status 200 on.
    pub(crate) async fn require_ok(self) -> Result<Self, CallFailure> {
        if self.status == StatusCode::OK { Ok(self) } else { Err(self.into_failure().await) }
    }

    /// The text of an error's body, its line end removed.
    pub(crate) async fn error_text(&mut self) -> String {
        let mut text = Vec::new();
        let head = self.shared.settings.head;
        while let Ok(Some(chunk)) = self.chunk_within(head).await {
            let room = MAX_ERROR_BYTES - text.len();
            text.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if text.len() == MAX_ERROR_BYTES {
                break;
            }
        }
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    /// What an answer of another status than 200 means.
    pub(crate) async fn into_failure(mut self) -> CallFailure {
        let text = self.error_text().await;
        let reason = self.headers.get(headers::REASON).and_then(|value| value.to_str().ok());
        let status = self.status;
        let kind = match (status, reason) {
            (StatusCode::FORBIDDEN, _) => FailureKind::WrongPassword,
            (StatusCode::CONFLICT, Some("lease")) => FailureKind::StaleLease,
            (StatusCode::GONE, Some("gone")) => FailureKind::Gone,
            (StatusCode::INSUFFICIENT_STORAGE, _) => FailureKind::DiskFull,
            // Go's buildlets have no status of their own for it.
            _ if status.is_server_error() && text.contains("no space left on device") => FailureKind::DiskFull,
            _ if status.is_client_error() => FailureKind::Refused,
            _ if status.is_server_error() => FailureKind::PeerFailed,
            _ => FailureKind::Broken,
        };
        CallFailure { call: self.call, kind, detail: format!("{status}: {text}") }
    }

    pub(crate) fn broken(&self, detail: impl Into<String>) -> CallFailure {
        CallFailure { call: self.call, kind: FailureKind::Broken, detail: detail.into() }
    }

    async fn chunk_unwatched(&mut self) -> Result<Option<Bytes>, CallFailure> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| self.broken(chain(&error)))?;
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.trailers = trailers;
                    }
                }
            }
        }
        // After a refusal the request's body may still be on its way, so that connection is of no more use.
        let closing = self.headers.get(header::CONNECTION).is_some_and(|value| value == "close");
        if let Some(connection) = self.connection.take().filter(|_| self.status.is_success() && !closing) {
            self.shared.idle.keep(connection);
        }
        Ok(None)
    }
}
