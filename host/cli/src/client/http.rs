//! Requests and their answers, typed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, DATE, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::problem::ProblemBody;

use super::{Server, ServerError};

/// How long a server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent: event streams say every 15 s that they are there.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of a refusal that are read.
const MAX_PROBLEM: usize = 64 << 10;

/// Where a log is: the ordered one, or one stream.
pub(super) fn log_path(build: u64, stream: Option<&str>) -> String {
    match stream {
        None => format!("/builds/{build}/log"),
        Some(stream) => format!("/builds/{build}/logs/{stream}"),
    }
}

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    server: Arc<Server>,
    http: reqwest::Client,
}

impl Client {
    /// A client. Nothing is sent yet.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(server: Server) -> anyhow::Result<Client> {
        // Another part of this process may have chosen the same one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE);
        let http = builder.user_agent(concat!("muster/", env!("CARGO_PKG_VERSION"))).build()?;
        Ok(Client { server: Arc::new(server), http })
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Reads something.
    ///
    /// # Errors
    /// It is refused, or the server cannot be reached.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ServerError> {
        self.json(self.request(Method::GET, path)).await
    }

    /// Sends something, for an answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ServerError> {
        self.json(self.request(Method::POST, path).json(body)).await
    }

    /// Sends something with more headers.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_with<T: DeserializeOwned>(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &impl Serialize,
    ) -> Result<T, ServerError> {
        let request = self.request(Method::POST, path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.json(request.json(body)).await
    }

    /// Asks for something to be done, for an answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn order<T: DeserializeOwned>(&self, path: &str) -> Result<T, ServerError> {
        self.json(self.request(Method::POST, path)).await
    }

    /// Asks whether the server is ready: its words, whether they are yes, and its time of day.
    ///
    /// # Errors
    /// It cannot be reached, or is none of Muster's.
    pub async fn ready(&self) -> Result<(bool, serde_json::Value, Option<std::time::SystemTime>), ServerError> {
        let request = self.http.get(format!("{}/readyz", self.server.url));
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let ready = answer.status().is_success();
        let date = answer.headers().get(DATE).and_then(|date| httpdate(date.to_str().ok()?));
        let words = answer.json().await.map_err(|error| self.strange(error.to_string()))?;
        Ok((ready, words, date))
    }

    /// Reads a text, whole.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn text(&self, path: &str) -> Result<Vec<u8>, ServerError> {
        let answer = self.send(self.request(Method::GET, path)).await?;
        answer.bytes().await.map(Into::into).map_err(|error| self.unreachable(&error))
    }

    /// Opens a log as far as it is: the ordered one, or one stream.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn log(&self, build: u64, stream: Option<&str>, offset: u64) -> Result<Response, ServerError> {
        let path = log_path(build, stream);
        self.send(self.request(Method::GET, &format!("{path}?offset={offset}"))).await
    }

    /// The next piece of an answer; none at its end.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn chunk(&self, answer: &mut Response) -> Result<Option<Bytes>, ServerError> {
        answer.chunk().await.map_err(|error| self.unreachable(&error))
    }

    /// Removes something.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn delete(&self, path: &str) -> Result<(), ServerError> {
        self.send(self.request(Method::DELETE, path)).await.map(drop)
    }

    /// A request to a path below `/api/v1`.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.server.url));
        let bearer = self.server.token.as_ref().map(|token| HeaderValue::from_str(&format!("Bearer {token}")));
        match bearer {
            Some(Ok(mut bearer)) => {
                bearer.set_sensitive(true);
                request.header(AUTHORIZATION, bearer)
            }
            // A token with a line break in it is none; the server says so.
            Some(Err(_)) | None => request,
        }
    }

    /// Sends a request; an answer that is no success is an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ServerError> {
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(answer).await) }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ServerError> {
        let answer = self.send(request.header(ACCEPT, "application/json")).await?;
        let bytes = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| self.strange(error.to_string()))
    }

    async fn refused(&self, mut answer: Response) -> ServerError {
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await
            && bytes.len() < MAX_PROBLEM
        {
            bytes.extend_from_slice(&chunk);
        }
        match serde_json::from_slice::<ProblemBody>(&bytes) {
            Ok(problem) => ServerError::Refused { problem: Box::new(problem), token: self.server.told_by.clone() },
            // A HEAD has no body; a proxy has one of its own.
            Err(_) if status.is_client_error() || status.is_server_error() => {
                let problem = ProblemBody {
                    kind: "about:blank".to_owned(),
                    title: status.to_string(),
                    status: status.as_u16(),
                    detail: format!("answered by {}", self.server.url),
                    hint: String::new(),
                };
                ServerError::Refused { problem: Box::new(problem), token: self.server.told_by.clone() }
            }
            Err(_) => self.strange(format!("status {status}")),
        }
    }

    pub(super) fn unreachable(&self, error: &reqwest::Error) -> ServerError {
        let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
        // The innermost cause is the one that says something: "connection refused".
        let reason = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        ServerError::Unreachable { server: self.server.url.clone(), reason }
    }

    pub(super) fn strange(&self, reason: String) -> ServerError {
        ServerError::Strange { server: self.server.url.clone(), reason }
    }
}

/// Reads the date of an answer: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn httpdate(text: &str) -> Option<std::time::SystemTime> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp().into())
}
