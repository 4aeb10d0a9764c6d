//! The way to an engine: the host's `http`, or something else under test.

use muster_sdk::Error;

/// A request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or starts.
    Post,
    /// Uploads.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// What an engine said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP's.
    pub status: u16,
    /// Whole.
    pub body: Vec<u8>,
}

/// Sends one request.
pub trait Engine {
    /// `url` is whole; `content_type` belongs to the body.
    fn send(&self, method: Method, url: &str, content_type: &str, body: Vec<u8>) -> Result<Answer, Error>;
}

/// The host's `http`, which adds credentials and refuses what is not granted.
#[derive(Debug)]
pub(crate) struct HostEngine;

#[cfg(target_arch = "wasm32")]
impl Engine for HostEngine {
    fn send(&self, method: Method, url: &str, content_type: &str, body: Vec<u8>) -> Result<Answer, Error> {
        use muster_sdk::pool::http;
        let headers = if body.is_empty() { Vec::new() } else { vec![("Content-Type".into(), content_type.into())] };
        let request = http::Request { method: method.name().into(), url: url.into(), headers, body, timeout: None };
        let response = http::send(&request)?;
        if response.truncated {
            return Err(Error::Other(format!("the answer to {} {url} is larger than the host takes", method.name())));
        }
        Ok(Answer { status: response.status, body: response.body })
    }
}

/// Natively there is no host.
#[cfg(not(target_arch = "wasm32"))]
impl Engine for HostEngine {
    fn send(&self, _method: Method, _url: &str, _content_type: &str, _body: Vec<u8>) -> Result<Answer, Error> {
        Err(Error::Unsupported("there is no host to send it".into()))
    }
}
