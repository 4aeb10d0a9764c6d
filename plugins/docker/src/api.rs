//! Requests of the Docker Engine API, and its errors in its own words.

use muster_sdk::Error;
use serde_json::Value;

use crate::engine::{Answer, Engine, Method};

/// The version asked for: Docker since 2019, and Podman.
const VERSION: &str = "v1.40";
/// The longest message that is taken from an engine.
const MESSAGE_LIMIT: usize = 2000;

/// One engine.
pub(crate) struct Api<'a> {
    pub(crate) engine: &'a dyn Engine,
    /// Without a slash at its end.
    pub(crate) base: &'a str,
}

impl Api<'_> {
    /// Sends JSON or nothing; `path` begins with a slash.
    pub(crate) fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.engine.send(method, &self.url(path), "application/json", body)
    }

    /// Sends an archive.
    pub(crate) fn put_archive(&self, path: &str, archive: Vec<u8>) -> Result<Answer, Error> {
        self.engine.send(Method::Put, &self.url(path), "application/x-tar", archive)
    }

    fn url(&self, path: &str) -> String {
        let separator = if self.base.starts_with("unix:") { ":" } else { "" };
        format!("{}{separator}/{VERSION}{path}", self.base)
    }
}

impl Answer {
    /// The answer, if its status is one of these; else what the engine said.
    pub(crate) fn expect(self, doing: &str, expected: &[u16]) -> Result<Answer, Error> {
        if expected.contains(&self.status) { Ok(self) } else { Err(self.error(doing)) }
    }

    /// Its body as JSON.
    pub(crate) fn json(&self, doing: &str) -> Result<Value, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Other(format!("{doing}: the engine's answer is not JSON: {error}")))
    }

    fn error(&self, doing: &str) -> Error {
        let said: Option<Value> = serde_json::from_slice(&self.body).ok();
        let message = said.as_ref().and_then(|said| said.get("message")).and_then(Value::as_str);
        let text = message.map_or_else(|| String::from_utf8_lossy(&self.body).into_owned(), str::to_owned);
        let text = text.trim();
        let text = &text[..text.floor_char_boundary(MESSAGE_LIMIT)];
        let text = format!("{doing}: the engine answered {}: {text}", self.status);
        match self.status {
            400 | 404 | 409 => Error::Invalid(text),
            429 | 502..=504 => Error::Unavailable(text),
            _ => Error::Other(text),
        }
    }
}

/// A value of a query.
pub(crate) fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
