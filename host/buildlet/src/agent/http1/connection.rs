//! One accepted connection: reads heads within their budget, and notices when the peer goes away.

use std::{io, time::Duration};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::head::{BadHead, Head};

/// Most bytes of a head, and most bytes read ahead of what is being handled.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// After an answer to a request whose body was not read, this much of it is thrown away before the connection is
/// closed, so that the client reads the answer and not a reset.
const LINGER_BYTES: u64 = 256 << 20;
const LINGER: Duration = Duration::from_secs(5);

/// A byte stream, plain or TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
pub(crate) type BoxIo = Box<dyn Io>;

/// One accepted connection.
pub(crate) struct Connection {
    pub(super) read: Reader,
    pub(super) write: WriteHalf<BoxIo>,
}

/// The reading side, with what was read ahead.
pub(crate) struct Reader {
    half: ReadHalf<BoxIo>,
    buffer: BytesMut,
}

/// What came instead of a head.
pub(crate) enum NoHead {
    /// The peer closed between requests, or was idle for too long.
    Closed,
    /// What it sent is refused.
    Bad(BadHead),
}

impl Connection {
    pub(crate) fn new(io: BoxIo) -> Self {
        let (half, write) = tokio::io::split(io);
        Connection { read: Reader { half, buffer: BytesMut::new() }, write }
    }

    /// Reads the next head: up to `idle` until it begins, up to `budget` until it is complete.
    pub(crate) async fn head(&mut self, idle: Duration, budget: Duration) -> Result<Head, NoHead> {
        if self.read.buffer.is_empty() {
            match tokio::time::timeout(idle, self.read.fill()).await {
                Ok(Ok(count)) if count > 0 => {}
                Ok(Ok(_) | Err(_)) | Err(_) => return Err(NoHead::Closed),
            }
        }
        let slow = NoHead::Bad(BadHead { status: 408, reason: "the head of the request came too slowly" });
        tokio::time::timeout(budget, self.read.head()).await.unwrap_or(Err(slow))
    }

    /// Says no more and throws away what still comes, for a while.
    pub(crate) async fn linger(mut self) {
        if self.write.shutdown().await.is_err() {
            return;
        }
        let draining = async {
            let mut drained = 0;
            while drained < LINGER_BYTES {
                self.read.buffer.clear();
                match self.read.fill().await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => drained += count as u64,
                }
            }
        };
        // What is cut here is a client that goes on sending what was refused.
        let _ = tokio::time::timeout(LINGER, draining).await;
    }
}

impl Reader {
    /// Waits until the peer closes; bytes of a next request are kept.
    pub(crate) async fn closed(&mut self) {
        while self.buffer.len() < MAX_HEAD_BYTES {
            match self.fill().await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        // A client that sends that much ahead is slowed down; its end shows when writing to it fails.
        std::future::pending().await
    }

    pub(super) async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ_BYTES);
        self.half.read_buf(&mut self.buffer).await
    }

    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    async fn head(&mut self) -> Result<Head, NoHead> {
        loop {
            // A line end before a request is tolerated, as RFC 9112 asks (httparse skips it).
            if let Some((head, length)) = Head::parse(&self.buffer).map_err(NoHead::Bad)? {
                self.buffer.advance(length);
                return Ok(head);
            }
            if self.buffer.len() >= MAX_HEAD_BYTES {
                return Err(NoHead::Bad(BadHead { status: 431, reason: "the head of the request is too large" }));
            }
            match self.fill().await {
                Ok(0) | Err(_) => return Err(NoHead::Closed),
                Ok(_) => {}
            }
        }
    }
}
