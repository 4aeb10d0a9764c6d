//! The body of a request: by length or in chunks, with trailers.

use std::io;

use bytes::{Buf as _, Bytes};

use super::{connection::Reader, head::Framing};

/// Longest line of chunked framing, and most bytes of trailers.
const MAX_LINE_BYTES: usize = 4096;
const MAX_TRAILER_BYTES: usize = 16 << 10;

/// Where in a body the reader is.
#[derive(Debug)]
pub(crate) struct Body {
    state: State,
    /// Trailers, in lower case, once the body was read to its end.
    pub(crate) trailers: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    ChunkHead,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    Done,
}

impl Body {
    pub(super) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkHead,
        };
        Body { state, trailers: Vec::new() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn chunk(&mut self, reader: &mut Reader) -> io::Result<Option<Bytes>> {
        loop {
            match self.state {
                State::Done => return Ok(None),
                State::Length(left) => {
                    let data = data(reader, left).await?;
                    let left = left - data.len() as u64;
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                    return Ok(Some(data));
                }
                State::ChunkHead => {
                    let line = line(reader).await?;
                    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
                    let size = std::str::from_utf8(digits)
                        .ok()
                        .filter(|digits| (1..=15).contains(&digits.len()))
                        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                        .ok_or_else(|| malformed("bad chunk size"))?;
                    self.state = if size == 0 { State::Trailers } else { State::ChunkData(size) };
                }
                State::ChunkData(left) => {
                    let data = data(reader, left).await?;
                    let left = left - data.len() as u64;
                    self.state = if left == 0 { State::ChunkEnd } else { State::ChunkData(left) };
                    return Ok(Some(data));
                }
                State::ChunkEnd => {
                    if !line(reader).await?.is_empty() {
                        return Err(malformed("a chunk is longer than it says"));
                    }
                    self.state = State::ChunkHead;
                }
                State::Trailers => {
                    self.read_trailers(reader).await?;
                    self.state = State::Done;
                }
            }
        }
    }

    async fn read_trailers(&mut self, reader: &mut Reader) -> io::Result<()> {
        let mut bytes = 0;
        loop {
            let line = line(reader).await?;
            if line.is_empty() {
                return Ok(());
            }
            bytes += line.len();
            if bytes > MAX_TRAILER_BYTES {
                return Err(malformed("the trailers are too large"));
            }
            let text = String::from_utf8_lossy(&line);
            let (name, value) = text.split_once(':').ok_or_else(|| malformed("bad trailer"))?;
            self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

async fn data(reader: &mut Reader, most: u64) -> io::Result<Bytes> {
    if reader.buffer().is_empty() && reader.fill().await? == 0 {
        return Err(cut());
    }
    let buffer = reader.buffer();
    let count = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
    Ok(buffer.split_to(count).freeze())
}

async fn line(reader: &mut Reader) -> io::Result<Vec<u8>> {
    loop {
        let buffer = reader.buffer();
        if let Some(end) = buffer.iter().take(MAX_LINE_BYTES).position(|&byte| byte == b'\n') {
            let mut line = buffer.split_to(end).to_vec();
            buffer.advance(1);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(line);
        }
        if buffer.len() >= MAX_LINE_BYTES {
            return Err(malformed("a line of chunked framing is too long"));
        }
        if reader.fill().await? == 0 {
            return Err(cut());
        }
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the client closed the connection in the middle of the body")
}

fn malformed(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
