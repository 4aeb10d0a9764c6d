//! Open connections, and the idle ones kept for the next call.

use std::{
    pin::Pin,
    sync::Mutex,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::{
    connector::Duplex,
    error::{CallFailure, FailureKind, chain},
};

/// The body of a request.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// One connection; dropping it closes it, whatever is under way.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    /// Drives the connection.
    _task: AbortOnDropHandle<()>,
}

impl Connection {
    pub(crate) async fn start(call: &'static str, stream: Pin<Box<dyn Duplex>>) -> Result<Self, CallFailure> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| CallFailure {
            call,
            kind: FailureKind::Unreachable,
            detail: chain(&error),
        })?;
        let task = tokio::spawn(async move {
            // Its errors reach the caller through the request under way.
            let _ = connection.await;
        });
        Ok(Connection { sender, _task: AbortOnDropHandle::new(task) })
    }
}

/// Idle connections of one client, the last used on top.
pub(crate) struct IdleConnections {
    kept: Mutex<Vec<(Connection, Instant)>>,
    max: usize,
    max_age: Duration,
}

impl IdleConnections {
    pub(crate) fn new(max: usize, max_age: Duration) -> Self {
        IdleConnections { kept: Mutex::new(Vec::new()), max, max_age }
    }

    /// Takes one that is still open, and drops those that are not.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut kept = self.lock();
        kept.retain(|(connection, since)| !connection.sender.is_closed() && since.elapsed() < self.max_age);
        kept.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection whose answer was read to its end.
    pub(crate) fn keep(&self, connection: Connection) {
        let mut kept = self.lock();
        if kept.len() < self.max && !connection.sender.is_closed() {
            kept.push((connection, Instant::now()));
        }
    }

    /// Closes all.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.kept.lock().expect("no holder of this lock can panic")
    }
}
