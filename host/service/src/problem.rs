//! Refusals, as RFC 9457 writes them: what is wrong, where, and what to do about it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Seconds after which a request that met a bound may come again.
const RETRY_AFTER: &str = "5";

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident, $slug:literal, $status:ident, $title:literal;)*) => {
        /// What kind of refusal: its name is a contract with clients.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Kind] = &[$(Kind::$name),*];

            /// The stable name, a URN.
            pub fn urn(self) -> &'static str {
                match self { $(Kind::$name => concat!("urn:muster:", $slug)),* }
            }

            /// The status it is answered with.
            pub fn status(self) -> StatusCode {
                match self { $(Kind::$name => StatusCode::$status),* }
            }

            /// The kind in a few words, the same each time.
            pub fn title(self) -> &'static str {
                match self { $(Kind::$name => $title),* }
            }
        }
    };
}

kinds! {
    /// The request is not one the route understands.
    BadRequest, "bad-request", BAD_REQUEST, "the request cannot be read";
    /// No token.
    TokenMissing, "token-missing", UNAUTHORIZED, "a token is needed";
    /// A token that is none of this server's.
    TokenUnknown, "token-unknown", UNAUTHORIZED, "the token is not one of this server's";
    /// A token that was good once.
    TokenExpired, "token-expired", UNAUTHORIZED, "the token has expired";
    /// A token that may not do this.
    ScopeMissing, "scope-missing", FORBIDDEN, "the token may not do this";
    /// A page of another site asks.
    OriginRefused, "origin-refused", FORBIDDEN, "requests of other sites are refused";
    /// There is no such thing.
    NotFound, "not-found", NOT_FOUND, "there is no such thing here";
    /// The route does not know the method.
    MethodRefused, "method-refused", METHOD_NOT_ALLOWED, "the route does not know this method";
    /// It will be there later.
    NotYet, "not-yet", CONFLICT, "there is nothing yet";
    /// The build is over.
    Ended, "ended", CONFLICT, "the build is over";
    /// The build goes on.
    Running, "running", CONFLICT, "the build is not over";
    /// The build is another process's.
    Elsewhere, "elsewhere", CONFLICT, "another process drives the build";
    /// What a build needs was not uploaded.
    TreeMissing, "tree-missing", CONFLICT, "the tree is not here";
    /// A body over its bound.
    TooLarge, "too-large", PAYLOAD_TOO_LARGE, "the body is too large";
    /// A body that is not JSON.
    MediaType, "media-type", UNSUPPORTED_MEDIA_TYPE, "the body is not JSON";
    /// A range that is not there.
    Range, "range", RANGE_NOT_SATISFIABLE, "the range is not there";
    /// A server that is not called so.
    HostUnknown, "host-unknown", MISDIRECTED_REQUEST, "the server does not go by this name";
    /// The upload is not what its name says.
    DigestMismatch, "digest-mismatch", UNPROCESSABLE_ENTITY, "the body is not what its digest says";
    /// The idempotency key stands for another request.
    KeyReused, "key-reused", UNPROCESSABLE_ENTITY, "the idempotency key stands for another request";
    /// The build cannot be planned.
    Refused, "refused", UNPROCESSABLE_ENTITY, "the request cannot be carried out";
    /// Too many at once.
    Busy, "busy", TOO_MANY_REQUESTS, "too many at once";
    /// Something failed that should not.
    Internal, "internal", INTERNAL_SERVER_ERROR, "the server failed";
    /// This coordinator is not the active one.
    Standby, "standby", SERVICE_UNAVAILABLE, "this coordinator is not the active one";
    /// A store does not answer.
    Unavailable, "unavailable", SERVICE_UNAVAILABLE, "a store does not answer";
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    hint: String,
}

/// A refusal, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The kind: a stable name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// What to do about it.
    pub hint: String,
}

impl Problem {
    /// A refusal: what is wrong, and what to do about it.
    pub fn new(kind: Kind, detail: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { kind, detail: detail.into(), hint: hint.into() }
    }

    /// What is wrong.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem::new(Kind::NotFound, detail, hint)
    }

    /// A failure of a store, told to the log in full and to the caller in a sentence.
    pub fn store(error: &dyn std::error::Error) -> Problem {
        let told = chain(error);
        tracing::error!("a request failed: {told}");
        Problem::new(Kind::Unavailable, told, "try again in a moment; /readyz says which store does not answer")
    }

    /// A failure that no caller can do anything about.
    pub fn internal(detail: impl Into<String>) -> Problem {
        let detail = detail.into();
        tracing::error!("a request failed: {detail}");
        Problem::new(Kind::Internal, detail, "the server's log says more; try again, or tell who runs it")
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// As it is sent.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: self.kind.urn().to_owned(),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Problem {
        Problem::store(&error)
    }
}

impl From<snapshot::BlobError> for Problem {
    fn from(error: snapshot::BlobError) -> Problem {
        Problem::store(&error)
    }
}

impl From<logs::LogError> for Problem {
    fn from(error: logs::LogError) -> Problem {
        Problem::store(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let mut response = (status, Json(self.body())).into_response();
        // A page says it in its own way.
        response.extensions_mut().insert(self.body());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"muster\""));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}
