//! Submitting: a build that is asked for becomes durable before it is answered.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use coordinator::NewBuild;
use engine::BuildId;
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest as _, Sha256};
use store::Request;

use super::builds::view;
use super::extract::{Body, Build};
use crate::identity::{Identity, Scope};
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::submission::check_planned;
use crate::trees::tree_key;
use crate::view::BuildView;
use crate::{Kept, Submission, Trust};

/// The header that names the span in which a build is asked for: W3C's Trace Context.
const TRACEPARENT: &str = "traceparent";
/// Characters of it that matter; a later version may have more.
const TRACEPARENT_LEN: usize = 55;
/// The header that makes a request safe to send again.
const KEY: &str = "idempotency-key";
/// Characters of an idempotency key.
const MAX_KEY: usize = 255;

/// Submits a build of an uploaded tree
///
/// With an `Idempotency-Key` the same request, sent again, gives the same build, for as long as that is shown. With a
/// `traceparent` (W3C) the build's trace is part of that one.
#[utoipa::path(
    post, path = "/builds", tag = "builds", request_body = Submission,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "up to 255 visible characters", max_length = 255),
        ("traceparent" = Option<String>, Header, description = "the span that asks; one that is invalid is ignored")
    ),
    responses((status = 201, body = BuildView, headers(("Location" = String, description = "the build"))))
)]
pub(super) async fn submit(
    State(service): State<Arc<Service>>,
    identity: Identity,
    headers: HeaderMap,
    Body(mut submission): Body<Submission>,
) -> Result<Response, Problem> {
    submission.retry_of = None;
    submission.by = identity.name.clone();
    take_in(&service, &identity, &headers, submission).await
}

/// Submits a build again: the same tree, under today's plugins
#[utoipa::path(
    post, path = "/builds/{id}/retry", tag = "builds",
    params(
        ("id" = u64, Path, description = "its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "up to 255 visible characters", max_length = 255)
    ),
    responses((status = 201, body = BuildView, headers(("Location" = String, description = "the new build"))))
)]
pub(crate) async fn retry(
    State(service): State<Arc<Service>>,
    identity: Identity,
    Build(id): Build,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = service.known(id).await?;
    own(&identity, &known.kept.submission, "retry")?;
    if !known.has_ended() {
        return Err(Problem::new(
            Kind::Running,
            format!("build {} is not over", id.0),
            format!("wait for it, or cancel it first: `muster cancel {}`", id.0),
        ));
    }
    if known.kept.submission.tree.is_empty() {
        return Err(Problem::new(
            Kind::Refused,
            format!("build {} was not submitted: it is of `muster build`", id.0),
            "run `muster build` again, or `muster submit`",
        ));
    }
    let mut submission = known.kept.submission.clone();
    submission.by.clone_from(&identity.name);
    submission.retry_of = Some(id.0);
    take_in(&service, &identity, &headers, submission).await
}

/// Whether someone may cancel and retry what `by` submitted.
pub(crate) fn may(identity: &Identity, by: &str) -> bool {
    let own = by == identity.name && identity.scopes.allow(Scope::Submit);
    own || identity.scopes.allow(Scope::Manage)
}

/// What is one's own may be canceled and retried with `submit`, everything with `manage`.
pub(super) fn own(identity: &Identity, submission: &Submission, what: &str) -> Result<(), Problem> {
    if may(identity, &submission.by) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::ScopeMissing,
        format!("the build is `{}`'s: to {what} it needs the scope `manage`", submission.by),
        "ask whoever submitted it, or use a token with that scope",
    ))
}

async fn take_in(
    service: &Arc<Service>,
    identity: &Identity,
    headers: &HeaderMap,
    submission: Submission,
) -> Result<Response, Problem> {
    let coordinator = service.active()?;
    submission.check()?;
    check(identity, &submission)?;
    let request = request(identity, headers, &written(&submission)?)?;
    let _turn = match &request {
        Some((key, _)) => Some(service.key_turn(key).await),
        None => None,
    };
    if let Some((key, digest)) = &request
        && let Some(known) = service.store().request(key).await?
    {
        return repeated(service, &known, digest).await;
    }
    tree_is_here(service, &submission).await?;
    let build = service.store().next_build().await?;
    let planned = service.planner().plan(build, &submission).await;
    let planned = planned.map_err(|refused| Problem::new(Kind::Refused, refused.what, refused.hint))?;
    check_planned(&planned.spec)?;
    let request = request.map(|(key, digest)| Request { key, digest, build });
    let mut kept = Kept::new(submission, planned.log, planned.pinned);
    // Not part of the submission: a request that is sent again comes in a span of its own.
    kept.traceparent = traceparent(headers);
    let new = NewBuild { spec: planned.spec, submission: written(&kept)?, request, job: None };
    coordinator.submit(new).await.map_err(|error| Problem::store(&error))?;
    created(service, build).await
}

fn written(value: &impl serde::Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| Problem::internal(error.to_string()))
}

/// What only some may ask for.
fn check(identity: &Identity, submission: &Submission) -> Result<(), Problem> {
    if identity.scopes.allow(Scope::Manage) {
        return Ok(());
    }
    let what = match (submission.trust, submission.priority) {
        (Trust::Trusted, _) => "to call a tree trusted",
        (Trust::Try, 1..) => "a priority above 0",
        (Trust::Try, _) => return Ok(()),
    };
    Err(Problem::new(
        Kind::ScopeMissing,
        format!("{what} needs the scope `manage`; the token `{}` has `{}`", identity.name, identity.scopes),
        "leave it out, or use a token with that scope",
    ))
}

/// The idempotency key, if one was sent, as the store keeps it: each token has its own. With it the digest of the request.
fn request(identity: &Identity, headers: &HeaderMap, text: &str) -> Result<Option<(String, String)>, Problem> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    let Some(key) = key else {
        return Err(Problem::new(
            Kind::BadRequest,
            "the idempotency key cannot be used",
            format!("send 1 to {MAX_KEY} visible ASCII characters: a UUID, or the number of a CI job"),
        ));
    };
    Ok(Some((format!("{}/{key}", identity.token), hex::encode(Sha256::digest(text.as_bytes())))))
}

/// The span that asks, if a valid one is named.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(TRACEPARENT)?.to_str().ok()?;
    report::trace::Parent::parse(header).map(|_| header.trim().chars().take(TRACEPARENT_LEN).collect())
}

async fn repeated(service: &Arc<Service>, known: &Request, digest: &str) -> Result<Response, Problem> {
    if known.digest != digest {
        return Err(Problem::new(
            Kind::KeyReused,
            format!("the idempotency key was sent before, with another request: build {}", known.build.0),
            "send a new key with a new request",
        ));
    }
    created(service, known.build).await
}

async fn created(service: &Arc<Service>, build: BuildId) -> Result<Response, Problem> {
    let known = service.known(build).await?;
    let location = format!("/api/v1/builds/{}", build.0);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view(service, &known))).into_response())
}

async fn tree_is_here(service: &Service, submission: &Submission) -> Result<(), Problem> {
    if service.blobs().head(&tree_key(&submission.tree)?).await?.is_some() {
        return Ok(());
    }
    Err(Problem::new(
        Kind::TreeMissing,
        format!("the tree {} is not here", submission.tree),
        format!("upload it with PUT /api/v1/trees/{}: old trees are forgotten", submission.tree),
    ))
}
