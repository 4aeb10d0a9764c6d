//! Streams that outlive a connection: what happens in a build, and its log, each taken up where it broke off.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::ACCEPT;
use reqwest::{Method, Response};
use service::problem::Kind;
use service::view::{BuildEvent, BuildView, What};
use tokio::time::{Instant, sleep};

use super::http::log_path;
use super::sse::Parser;
use super::{Client, ServerError};

/// The first pause before a broken stream is taken up again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a server may be away: it restarts, or another takes over.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long to wait for a server that is away.
struct Away {
    since: Option<Instant>,
    pause: Duration,
}

impl Away {
    fn new() -> Away {
        Away { since: None, pause: FIRST_PAUSE }
    }

    /// It answered.
    fn is_back(&mut self) {
        *self = Away::new();
    }

    /// Waits a little before the next try; gives the error back where there is no use in another.
    async fn wait(&mut self, error: ServerError) -> Result<(), ServerError> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if !error.may_pass() || since.elapsed() > PATIENCE {
            return Err(error);
        }
        self.pause().await;
        Ok(())
    }

    async fn pause(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// What happens in a build, to its end.
pub struct EventStream {
    client: Client,
    build: u64,
    seen: u64,
    connection: Option<(Response, Parser)>,
    waiting: std::collections::VecDeque<BuildEvent>,
    away: Away,
    over: bool,
}

impl EventStream {
    /// Everything from the first event on.
    pub fn new(client: &Client, build: u64) -> EventStream {
        EventStream {
            client: client.clone(),
            build,
            seen: 0,
            connection: None,
            waiting: std::collections::VecDeque::new(),
            away: Away::new(),
            over: false,
        }
    }

    /// The next event; none after the last.
    ///
    /// # Errors
    /// The stream is refused, or the server is away for too long.
    pub async fn next(&mut self) -> Result<Option<BuildEvent>, ServerError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.over = matches!(event.what, What::Ended { .. });
                return Ok(Some(event));
            }
            if self.over {
                return Ok(None);
            }
            if let Err(error) = self.more().await {
                self.connection = None;
                self.away.wait(error).await?;
            }
        }
    }

    async fn more(&mut self) -> Result<(), ServerError> {
        let (mut answer, mut parser) = match self.connection.take() {
            Some(open) => open,
            None => (self.connect().await?, Parser::default()),
        };
        let Some(piece) = self.client.chunk(&mut answer).await? else {
            // The server stops: the stream goes on at the next one.
            self.away.pause().await;
            return Ok(());
        };
        self.away.is_back();
        for event in parser.push(&piece).map_err(|reason| self.client.strange(reason))? {
            self.seen = event.id.and_then(|id| id.parse().ok()).unwrap_or(self.seen);
            let read = serde_json::from_str(&event.data);
            self.waiting.push_back(read.map_err(|error| self.client.strange(error.to_string()))?);
        }
        self.connection = Some((answer, parser));
        Ok(())
    }

    async fn connect(&self) -> Result<Response, ServerError> {
        let request = self.client.request(Method::GET, &format!("/builds/{}/events", self.build));
        let request = request.header(ACCEPT, "text/event-stream").header("last-event-id", self.seen);
        self.client.send(request).await
    }
}

/// A log, byte by byte.
pub struct LogStream {
    client: Client,
    path: String,
    build: u64,
    at: u64,
    connection: Option<Response>,
    away: Away,
}

impl LogStream {
    /// The ordered log of a build from this byte on, or one stream of it.
    pub fn new(client: &Client, build: u64, stream: Option<&str>, from: u64) -> LogStream {
        LogStream {
            client: client.clone(),
            path: log_path(build, stream),
            build,
            at: from,
            connection: None,
            away: Away::new(),
        }
    }

    /// The next piece; none when nothing more comes.
    ///
    /// # Errors
    /// The log is refused, or the server is away for too long.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServerError> {
        loop {
            match self.piece().await {
                Ok(Some(piece)) => {
                    self.away.is_back();
                    self.at += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Ok(None) => {
                    self.connection = None;
                    if self.is_whole().await? {
                        return Ok(None);
                    }
                    self.away.pause().await;
                }
                Err(error) => {
                    self.connection = None;
                    self.away.wait(error).await?;
                }
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, ServerError> {
        let mut answer = match self.connection.take() {
            Some(open) => open,
            None => {
                let path = format!("{}?follow=1&offset={}", self.path, self.at);
                let answer = self.client.send(self.client.request(Method::GET, &path)).await?;
                // It is there: that a log is silent for long is no absence.
                self.away.is_back();
                answer
            }
        };
        let piece = self.client.chunk(&mut answer).await?;
        self.connection = Some(answer);
        Ok(piece)
    }

    /// Whether a stream that came to its end did so because the log did, rather than because the server stops.
    async fn is_whole(&mut self) -> Result<bool, ServerError> {
        loop {
            match self.is_whole_now().await {
                Ok(whole) => return Ok(whole),
                // It comes when there is something.
                Err(error) if error.is(Kind::NotYet) => return Ok(false),
                Err(error) => self.away.wait(error).await?,
            }
        }
    }

    async fn is_whole_now(&self) -> Result<bool, ServerError> {
        let path = format!("{}?offset={}", self.path, self.at);
        let answer = self.client.send(self.client.request(Method::GET, &path)).await?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        if header("content-length") != Some("0") {
            return Ok(false);
        }
        if header("muster-log-finished") == Some("true") {
            return Ok(true);
        }
        // A build that ended before anything was printed never finishes its log.
        let build: BuildView = self.client.get(&format!("/builds/{}", self.build)).await?;
        Ok(build.item.outcome.is_some())
    }
}
