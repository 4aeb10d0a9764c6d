//! The head of a request.

use std::fmt;

use crate::protocol::Form;

/// Most headers of a request: clients of this protocol send a dozen.
const MAX_HEADERS: usize = 100;

/// The head of a request, parsed.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Form,
    /// Whether it is HTTP/1.1; else it is 1.0.
    pub(crate) is_11: bool,
    pub(crate) framing: Framing,
    headers: Vec<(String, Vec<u8>)>,
}

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

/// A head that is refused, with the status of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadHead {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
}

impl fmt::Display for BadHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

const fn bad(reason: &'static str) -> BadHead {
    BadHead { status: 400, reason }
}

impl Head {
    /// Parses the bytes read so far; `None` when the head is not complete yet, else it and its length.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, BadHead> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(BadHead { status: 431, reason: "too many headers" });
            }
            Err(httparse::Error::Version) => {
                return Err(BadHead { status: 505, reason: "unsupported HTTP version" });
            }
            Err(
                httparse::Error::HeaderName
                | httparse::Error::HeaderValue
                | httparse::Error::NewLine
                | httparse::Error::Status
                | httparse::Error::Token,
            ) => return Err(bad("malformed request")),
        };
        let target = request.path.expect("a complete head has one");
        let headers: Vec<(String, Vec<u8>)> =
            request.headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec())).collect();
        let is_11 = request.version == Some(1);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let head = Head {
            method: request.method.expect("a complete head has one").to_owned(),
            path: path.to_owned(),
            query: Form::parse(query.as_bytes()),
            is_11,
            framing: framing(&headers, is_11)?,
            headers,
        };
        Ok(Some((head, length)))
    }

    /// Stands for a head that could not be read.
    pub(super) fn unreadable() -> Self {
        Head {
            method: String::new(),
            path: String::new(),
            query: Form::default(),
            is_11: true,
            framing: Framing::Length(0),
            headers: Vec::new(),
        }
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// The same as text, if it is UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether a header is `1`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.header(name) == Some(b"1")
    }

    pub(crate) fn expects_continue(&self) -> bool {
        self.is_11 && self.text("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    /// Whether the client wants the connection to stay open.
    pub(crate) fn keeps_alive(&self) -> bool {
        let wants = self.text("connection").unwrap_or_default();
        self.is_11 && !wants.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"))
    }
}

/// Two ways to tell the length, or two lengths, are how requests are smuggled: both are refused.
fn framing(headers: &[(String, Vec<u8>)], is_11: bool) -> Result<Framing, BadHead> {
    let all = |name| headers.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_slice());
    let mut lengths = all("content-length");
    let mut codings = all("transfer-encoding");
    match (lengths.next(), codings.next()) {
        (Some(_), Some(_)) => Err(bad("both Content-Length and Transfer-Encoding")),
        (None, Some(coding)) => {
            if !is_11 || codings.next().is_some() || !coding.eq_ignore_ascii_case(b"chunked") {
                return Err(BadHead { status: 501, reason: "unsupported transfer encoding" });
            }
            Ok(Framing::Chunked)
        }
        (Some(length), None) => {
            if lengths.any(|other| other != length) || !length.iter().all(u8::is_ascii_digit) {
                return Err(bad("bad Content-Length"));
            }
            let number = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            number.map(Framing::Length).ok_or(bad("bad Content-Length"))
        }
        (None, None) => Ok(Framing::Length(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Framing>, u16> {
        Head::parse(text.as_bytes()).map(|head| head.map(|(head, _)| head.framing)).map_err(|bad| bad.status)
    }

    #[test]
    fn the_length_of_a_body_is_never_ambiguous() {
        let with = |headers: &str| parse(&format!("PUT /x HTTP/1.1\r\nHost: h\r\n{headers}\r\n"));
        assert_eq!(with(""), Ok(Some(Framing::Length(0))));
        assert_eq!(with("Content-Length: 5\r\n"), Ok(Some(Framing::Length(5))));
        assert_eq!(with("Content-Length: 5\r\nContent-Length: 5\r\n"), Ok(Some(Framing::Length(5))));
        assert_eq!(with("Transfer-Encoding: chunked\r\n"), Ok(Some(Framing::Chunked)));
        assert_eq!(with("Content-Length: 5\r\nContent-Length: 6\r\n"), Err(400));
        assert_eq!(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Err(400));
        assert_eq!(with("Content-Length: +5\r\n"), Err(400));
        assert_eq!(with("Content-Length: 99999999999999999999\r\n"), Err(400));
        assert_eq!(with("Transfer-Encoding: gzip, chunked\r\n"), Err(501));
    }

    #[test]
    fn heads_are_complete_or_wrong() {
        assert_eq!(parse("GET / HTTP/1.1\r\nHos"), Ok(None));
        assert_eq!(parse("GET / HTTP/2.0\r\n\r\n"), Err(505));
        assert_eq!(parse("\u{1}\u{2}\r\n\r\n"), Err(400));
        let many = "a: b\r\n".repeat(101);
        assert_eq!(parse(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Err(431));
    }
}
