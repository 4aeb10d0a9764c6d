//! Writes responses: heads, chunks and trailers.

use std::{fmt::Write as _, io, time::SystemTime};

use tokio::io::{AsyncWriteExt as _, WriteHalf};

use super::connection::BoxIo;
use crate::protocol::http_date;

/// Writes the head of a response.
pub(super) fn head(is_11: bool, status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let version = if is_11 { "HTTP/1.1" } else { "HTTP/1.0" };
    let reason = http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or("Unknown");
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let date = http_date(i64::try_from(seconds).unwrap_or(0));
    let mut text = format!("{version} {status} {reason}\r\nDate: {date}\r\n");
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("a String takes everything");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A response whose length is not known beforehand.
pub(crate) struct StreamWriter<'a> {
    half: &'a mut WriteHalf<BoxIo>,
    /// In chunks; else the end of the connection is the end of the body.
    chunked: bool,
    buffer: Vec<u8>,
}

impl<'a> StreamWriter<'a> {
    pub(super) fn new(half: &'a mut WriteHalf<BoxIo>, chunked: bool) -> Self {
        StreamWriter { half, chunked, buffer: Vec::new() }
    }

    /// Sends bytes at once. Dropping the future in the middle breaks the response.
    pub(crate) async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.buffer.clear();
        if self.chunked {
            self.buffer.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        }
        self.buffer.extend_from_slice(bytes);
        if self.chunked {
            self.buffer.extend_from_slice(b"\r\n");
        }
        self.half.write_all(&self.buffer).await?;
        self.half.flush().await
    }

    /// Ends the body, with trailers. Line ends inside a value become spaces, as Go's server makes them.
    pub(crate) async fn finish(self, trailers: &[(&str, &str)]) -> io::Result<()> {
        if !self.chunked {
            return Ok(());
        }
        let mut end = b"0\r\n".to_vec();
        for (name, value) in trailers {
            end.extend_from_slice(name.as_bytes());
            end.extend_from_slice(b": ");
            end.extend(value.bytes().map(|byte| if byte < b' ' || byte == 0x7f { b' ' } else { byte }));
            end.extend_from_slice(b"\r\n");
        }
        end.extend_from_slice(b"\r\n");
        self.half.write_all(&end).await?;
        self.half.flush().await
    }
}
