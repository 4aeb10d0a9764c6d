//! A client of HTTP/1.1 that asks one question on a connection, and reads the answer as it comes.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Nothing that is asked for in a test comes slower.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: &'a str,
    /// More headers: names and values.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

impl<'a> Question<'a> {
    pub(crate) fn get(path: &'a str, token: &'a str) -> Question<'a> {
        Question { method: "GET", path, token, headers: &[], body: "" }
    }

    pub(crate) fn post(path: &'a str, token: &'a str, body: &'a str) -> Question<'a> {
        Question { method: "POST", body, ..Question::get(path, token) }
    }
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    body: Body,
}

/// The bytes of a body.
#[derive(Debug)]
enum Body {
    /// To the end of the connection, or to its length.
    Whole(io::Take<BufReader<TcpStream>>),
    /// In chunks, of which so much is left of this one.
    Chunked { reader: BufReader<TcpStream>, left: u64, over: bool },
}

/// Asks a server at `HOST:PORT`.
///
/// # Errors
/// It does not answer.
pub(crate) fn ask(server: &str, question: Question<'_>) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let Question { method, path, token, headers, body } = question;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    if !token.is_empty() {
        head += &format!("Authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        head += "Content-Type: application/json\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
    Answer::read(BufReader::new(stream))
}

impl Answer {
    fn read(mut reader: BufReader<TcpStream>) -> io::Result<Answer> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "no answer of HTTP/1.1");
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let body = match headers.get("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => Body::Whole(reader.take(length)),
            None if headers.contains_key("transfer-encoding") => Body::Chunked { reader, left: 0, over: false },
            None => Body::Whole(reader.take(u64::MAX)),
        };
        Ok(Answer { status, headers, body })
    }

    /// The rest of the body.
    pub(crate) fn bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::Whole(reader) => reader.read(buffer),
            Body::Chunked { over: true, .. } => Ok(0),
            Body::Chunked { reader, left, over } => {
                if *left == 0 {
                    *left = chunk(reader)?;
                    if *left == 0 {
                        *over = true;
                        return Ok(0);
                    }
                }
                let most = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let read = reader.read(&mut buffer[..most])?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *left -= read as u64;
                if *left == 0 {
                    // The end of the line that the chunk is followed by.
                    reader.read_until(b'\n', &mut Vec::new())?;
                }
                Ok(read)
            }
        }
    }
}

/// The length of the next chunk.
fn chunk(reader: &mut BufReader<TcpStream>) -> io::Result<u64> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    u64::from_str_radix(line.trim(), 16).map_err(|_| io::ErrorKind::UnexpectedEof.into())
}
