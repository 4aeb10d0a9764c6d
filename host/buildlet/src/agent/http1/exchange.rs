//! One request and its response.

use std::{io, time::Duration};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;

use super::{
    body::Body,
    connection::{Connection, Reader},
    head::Head,
    writer::{StreamWriter, head},
};
use crate::protocol::Form;

/// Most bytes of a form, as Go's server allows.
const MAX_FORM_BYTES: usize = 10 << 20;
/// A rest of a body up to this size is read so that the connection can go on; what is longer ends it.
const MAX_DRAINED_BYTES: usize = 256 << 10;

/// One request and its response.
pub(crate) struct Exchange<'a> {
    pub(crate) head: Head,
    body: Body,
    connection: &'a mut Connection,
    stall: Duration,
    continued: bool,
    responded: bool,
    /// The connection ends with this exchange.
    close: bool,
}

/// What becomes of a connection after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request may come.
    KeepAlive,
    /// The response is whole, and the connection ends.
    Close,
    /// The response is not whole: cut the connection.
    Cut,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(connection: &'a mut Connection, head: Head, stall: Duration) -> Self {
        Exchange {
            body: Body::new(head.framing),
            close: !head.keeps_alive(),
            continued: !head.expects_continue(),
            head,
            connection,
            stall,
            responded: false,
        }
    }

    /// For an answer to something that is no request.
    pub(crate) fn answering_nonsense(connection: &'a mut Connection, stall: Duration) -> Self {
        let mut exchange = Self::new(connection, Head::unreadable(), stall);
        exchange.close = true;
        exchange
    }

    /// The next bytes of the request's body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        if !self.continued && !self.body.is_done() {
            self.continued = true;
            self.connection.write.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            self.connection.write.flush().await?;
        }
        let next = self.body.chunk(&mut self.connection.read);
        tokio::time::timeout(self.stall, next).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads the body whole as a form; one that is too long is `None`.
    pub(crate) async fn form(&mut self) -> io::Result<Option<Form>> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > MAX_FORM_BYTES {
                return Ok(None);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(Some(Form::parse(&whole)))
    }

    /// Sends a whole response.
    pub(crate) async fn respond(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        // A request whose body nobody waits for cannot be followed by another.
        self.close |= !self.body.is_done() && (!self.continued || status >= 400);
        let length = body.len().to_string();
        let mut headers = headers.to_vec();
        headers.push(("Content-Length", &length));
        if self.close && self.head.is_11 {
            headers.push(("Connection", "close"));
        }
        let mut bytes = head(self.head.is_11, status, &headers);
        if self.head.method != "HEAD" {
            bytes.extend_from_slice(body);
        }
        self.responded = true;
        let sending = async {
            self.connection.write.write_all(&bytes).await?;
            self.connection.write.flush().await
        };
        tokio::time::timeout(self.stall, sending).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends a text, as Go's handlers do.
    pub(crate) async fn text(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return self.respond(200, &[], b"").await;
        }
        self.respond(200, &[("Content-Type", "text/plain; charset=utf-8")], text.as_bytes()).await
    }

    /// Begins a response of unknown length. What is given back can be used side by side: the reader tells when the
    /// client goes away.
    pub(crate) async fn stream(&mut self, headers: &[(&str, &str)]) -> io::Result<(StreamWriter<'_>, &mut Reader)> {
        let mut headers = headers.to_vec();
        let chunked = self.head.is_11;
        self.close |= !chunked;
        if self.close && self.head.is_11 {
            headers.push(("Connection", "close"));
        }
        if chunked {
            headers.push(("Transfer-Encoding", "chunked"));
        }
        let bytes = head(self.head.is_11, 200, &headers);
        self.responded = true;
        let Connection { read, write } = &mut *self.connection;
        write.write_all(&bytes).await?;
        write.flush().await?;
        Ok((StreamWriter::new(write, chunked), read))
    }

    /// Whether a response was begun, so that no other can be sent.
    pub(crate) fn responded(&self) -> bool {
        self.responded
    }

    /// The trailer of the request's body, once that was read.
    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        let found = self.body.trailers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Ends the exchange: reads a short rest of the body.
    pub(crate) async fn end(mut self, handled: io::Result<()>) -> After {
        if handled.is_err() || !self.responded {
            return After::Cut;
        }
        let mut drained = 0;
        while !self.close && !self.body.is_done() {
            match self.chunk().await {
                Ok(Some(chunk)) => drained += chunk.len(),
                Ok(None) => {}
                Err(_) => return After::Cut,
            }
            self.close |= drained > MAX_DRAINED_BYTES;
        }
        if self.close { After::Close } else { After::KeepAlive }
    }
}
