//! Sends one request within its budgets and waits for the head of the answer.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use tokio::sync::watch;

use super::{
    ClientSettings,
    connection::{Connection, IdleConnections, RequestBody},
    connector::Connector,
    error::{CallFailure, FailureKind, chain},
    heartbeat::Death,
    response::Answer,
};
use crate::{
    BuildletUrl,
    protocol::{Lease, headers},
};

/// What all calls and the heartbeat of one client share.
pub(crate) struct Shared {
    pub(crate) settings: ClientSettings,
    pub(crate) death: watch::Sender<Option<Death>>,
    pub(crate) idle: IdleConnections,
    connector: Connector,
    authority: HeaderValue,
    authorization: Option<HeaderValue>,
}

/// One request.
pub(crate) struct Call {
    pub(crate) name: &'static str,
    method: Method,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: RequestBody,
}

impl Call {
    pub(crate) fn new(name: &'static str, method: Method, query: &str) -> Self {
        let target = if query.is_empty() { name.to_owned() } else { format!("{name}?{query}") };
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        Call { name, method, target, headers: Vec::new(), body }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("our names are valid");
        let value = HeaderValue::from_str(&value.to_string()).expect("our values are numbers, ids and fixed words");
        self.headers.push((name, value));
        self
    }

    pub(crate) fn lease(self, lease: Option<Lease>) -> Self {
        match lease {
            Some(lease) => self.header(headers::LEASE, lease),
            None => self,
        }
    }

    pub(crate) fn form(self, form: String) -> Self {
        let mut call = self.header("content-type", "application/x-www-form-urlencoded");
        call.body = full(Bytes::from(form));
        call
    }

    pub(crate) fn bytes(mut self, bytes: Bytes) -> Self {
        self.body = full(bytes);
        self
    }

    pub(crate) fn stream(mut self, body: RequestBody) -> Self {
        self.body = body;
        self
    }
}

fn full(bytes: Bytes) -> RequestBody {
    Full::new(bytes).map_err(|never: std::convert::Infallible| -> io::Error { match never {} }).boxed_unsync()
}

impl Shared {
    pub(crate) fn new(url: &BuildletUrl, settings: ClientSettings) -> Result<Self, CallFailure> {
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| CallFailure {
                call: "connect",
                kind: FailureKind::Local,
                detail: "the host name cannot be written into a header".to_owned(),
            })
        };
        let authorization = url.authorization().map(|text| value(&text)).transpose()?;
        Ok(Shared {
            idle: IdleConnections::new(settings.max_idle, settings.idle),
            settings,
            death: watch::Sender::new(None),
            connector: Connector::new(url)?,
            authority: value(&url.authority())?,
            authorization: authorization.map(|mut value| {
                value.set_sensitive(true);
                value
            }),
        })
    }

    /// Sends a call and waits up to `budget` for the head of its answer, or until the peer is dead.
    pub(crate) async fn send(self: &Arc<Self>, call: Call, budget: Duration) -> Result<Answer, CallFailure> {
        let name = call.name;
        self.unless_dead(name, self.send_unwatched(call, budget)).await
    }

    /// The same without looking at the heartbeat: for the heartbeat itself, and for the last call.
    pub(crate) async fn send_unwatched(self: &Arc<Self>, call: Call, budget: Duration) -> Result<Answer, CallFailure> {
        let name = call.name;
        let request = self.request(call);
        let (connection, response) = self.begin(name, request, budget).await?;
        tracing::trace!(call = name, status = %response.status(), "answered");
        Ok(Answer::new(name, Arc::clone(self), response, connection))
    }

    /// Runs a part of a call until it is done or the peer is dead.
    pub(crate) async fn unless_dead<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, CallFailure>>,
    ) -> Result<T, CallFailure> {
        tokio::select! {
            biased;
            result = work => result,
            death = self.died() => Err(death.failure(call)),
        }
    }

    /// Waits until the peer is dead.
    pub(crate) async fn died(&self) -> Death {
        let mut death = self.death.subscribe();
        loop {
            if let Some(death) = death.borrow_and_update().clone() {
                return death;
            }
            death.changed().await.expect("the sender is in `self`");
        }
    }

    fn request(&self, call: Call) -> Request<RequestBody> {
        let mut request = Request::new(call.body);
        *request.method_mut() = call.method;
        *request.uri_mut() = call.target.parse().expect("names and encoded queries are valid targets");
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.authority.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static("muster"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        headers.extend(call.headers);
        request
    }

    /// Sends on an idle connection if one is still good, else on a new one.
    async fn begin(
        &self,
        call: &'static str,
        mut request: Request<RequestBody>,
        budget: Duration,
    ) -> Result<(Connection, Response<Incoming>), CallFailure> {
        while let Some(mut connection) = self.idle.take() {
            if timed(call, budget, connection.sender.ready()).await?.is_err() {
                continue;
            }
            let sent = connection.sender.try_send_request(request);
            match timed(call, budget, sent).await? {
                Ok(response) => return Ok((connection, response)),
                Err(mut error) => match error.take_message() {
                    // The peer had closed it already and nothing was sent: another connection may do.
                    Some(unsent) => request = unsent,
                    None => return Err(broken(call, &error.into_error())),
                },
            }
        }
        let opening = async {
            let stream = self.connector.open(call).await?;
            Connection::start(call, stream).await
        };
        let opened = tokio::time::timeout(self.settings.connect, opening).await;
        let mut connection = opened.unwrap_or_else(|_| {
            Err(CallFailure {
                call,
                kind: FailureKind::Unreachable,
                detail: format!("no connection within {:?}", self.settings.connect),
            })
        })?;
        let sent = connection.sender.send_request(request);
        match timed(call, budget, sent).await? {
            Ok(response) => Ok((connection, response)),
            Err(error) => Err(broken(call, &error)),
        }
    }
}

async fn timed<T>(call: &'static str, budget: Duration, work: impl Future<Output = T>) -> Result<T, CallFailure> {
    tokio::time::timeout(budget, work).await.map_err(|_| CallFailure {
        call,
        kind: FailureKind::NoAnswer,
        detail: format!("no answer within {budget:?}"),
    })
}

fn broken(call: &'static str, error: &hyper::Error) -> CallFailure {
    CallFailure { call, kind: FailureKind::Broken, detail: chain(error) }
}
