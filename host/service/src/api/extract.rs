//! What handlers take from a request; what cannot be read is a problem, not axum's plain text.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use engine::BuildId;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::identity::Identity;
use crate::problem::{Kind, Problem};

/// The build in the path: its number, with or without its letter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build(pub(crate) BuildId);

/// Numbers of builds are counted from 1 and kept in 63 bits.
pub(crate) fn build_id(text: &str) -> Result<BuildId, Problem> {
    let number = text.strip_prefix('b').unwrap_or(text).parse::<i64>().ok();
    number.and_then(|number| u64::try_from(number).ok()).map(BuildId).ok_or_else(|| {
        let hint = "write a number, as `muster builds` does";
        Problem::not_found(format!("`{text}` is not the number of a build"), hint)
    })
}

#[derive(serde::Deserialize)]
struct IdInPath {
    id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Build {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Build, Problem> {
        let InPath(IdInPath { id }) = InPath::from_request_parts(parts, state).await?;
        build_id(&id).map(Build)
    }
}

/// What stands in the path.
#[derive(Clone, Debug)]
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<InPath<T>, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(path)| InPath(path))
            .map_err(|error| Problem::new(Kind::BadRequest, error.body_text(), "see /api/v1/openapi.json"))
    }
}

/// The query.
#[derive(Clone, Debug)]
pub(crate) struct Args<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Args<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Args<T>, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(args)| Args(args))
            .map_err(|error| Problem::new(Kind::BadRequest, error.body_text(), "see /api/v1/openapi.json"))
    }
}

/// A JSON body.
#[derive(Clone, Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        Json::<T>::from_request(request, state).await.map(|Json(body)| Body(body)).map_err(|error| refused(&error))
    }
}

/// A JSON body that may be left out.
#[derive(Clone, Debug)]
pub(crate) struct MaybeBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<MaybeBody<T>, Problem> {
        if request.headers().get(http::header::CONTENT_TYPE).is_none() {
            return Ok(MaybeBody(T::default()));
        }
        Body::from_request(request, state).await.map(|Body(body)| MaybeBody(body))
    }
}

fn refused(error: &JsonRejection) -> Problem {
    let kind = match error.status().as_u16() {
        413 => Kind::TooLarge,
        415 => Kind::MediaType,
        _ => Kind::BadRequest,
    };
    Problem::new(
        kind,
        error.body_text(),
        "send JSON as /api/v1/openapi.json describes, with `Content-Type: application/json`",
    )
}

/// Who asks: known to every handler behind [`crate::identity::require`].
impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Identity, Problem> {
        let known = parts.extensions.get::<Identity>().cloned();
        known.ok_or_else(|| Problem::internal("a handler asked who asks on a route that needs no token"))
    }
}

/// The size of a page.
pub(super) fn page(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, Problem> {
    match asked.unwrap_or(usual) {
        0 => Err(Problem::new(Kind::BadRequest, "a page of nothing was asked for", "`limit` is 1 or more")),
        limit if limit > most => Err(Problem::new(
            Kind::BadRequest,
            format!("a page has at most {most} entries, and {limit} were asked for"),
            "ask for fewer, and go on with the cursor of the answer",
        )),
        limit => Ok(limit),
    }
}
