//! A collector, as OTLP over HTTP has it: what is posted, and which answers are worth another try.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use report::otlp::{PROTOBUF, rejected};

use super::TraceSettings;

/// How long a collector may take to take a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long it may take to answer: the time-out that the protocol's exporters have.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 16 << 10;

/// Why a request was not taken.
pub(super) enum Refusal {
    /// It may be taken later: why not now, and after how long if the collector says.
    ForNow { why: String, wait: Option<Duration> },
    /// It will never be.
    Final(String),
}

/// Where traces are posted.
pub(super) struct Collector {
    http: reqwest::Client,
    endpoint: String,
}

impl Collector {
    pub(super) fn new(settings: &TraceSettings) -> Result<Collector, reqwest::Error> {
        // The client brings no cryptography of its own. An error only says that the process has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = settings.headers.clone();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        let http = reqwest::Client::builder()
            .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // Headers that are secret are for nobody else.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()?;
        Ok(Collector { http, endpoint: settings.endpoint.clone() })
    }

    /// Asks whether it takes anything: a request without spans.
    pub(super) async fn probe(&self) -> Result<(), Refusal> {
        self.post(Bytes::new()).await
    }

    /// Sends one request.
    pub(super) async fn post(&self, body: Bytes) -> Result<(), Refusal> {
        let sent = self.http.post(&self.endpoint).body(body).send().await;
        let mut answer = sent.map_err(|error| Refusal::ForNow { why: innermost(&error), wait: None })?;
        let (status, wait) = (answer.status(), wait(answer.headers()));
        let mut said = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await
            && said.len() < MAX_ANSWER
        {
            said.extend_from_slice(&chunk);
        }
        if status.is_success() {
            if let Some((spans, why)) = rejected(&said) {
                tracing::warn!(spans, "the collector of traces did not take every span: {why}");
            }
            return Ok(());
        }
        let why = format!("the collector answered {status}");
        Err(if may_pass(status) { Refusal::ForNow { why, wait } } else { Refusal::Final(why) })
    }
}

/// The answers that the protocol says to try again after, and no other.
fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How long it asks to wait.
fn wait(headers: &http::HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The innermost cause is the one that says something: "connection refused".
fn innermost(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
