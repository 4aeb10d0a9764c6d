//! The buttons: forms that do what the API does, and lead back to a page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Redirect;
use http::{HeaderMap, header};

use crate::api::{Build, CancelRequest, MaybeBody, cancel as cancel_build, retry as retry_build};
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;

/// Cancels a build.
pub(super) async fn cancel(
    service: State<Arc<Service>>,
    identity: Identity,
    build: Build,
) -> Result<Redirect, Problem> {
    let _its_view = cancel_build(service, identity, build, MaybeBody(CancelRequest::default())).await?;
    Ok(Redirect::to(&format!("/builds/{}", build.0.0)))
}

/// Submits a build again, and leads to the new one.
pub(super) async fn retry(service: State<Arc<Service>>, identity: Identity, build: Build) -> Result<Redirect, Problem> {
    let made = retry_build(service, identity, build, HeaderMap::new()).await?;
    let location = made.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    Ok(Redirect::to(location.and_then(|path| path.strip_prefix("/api/v1")).unwrap_or("/")))
}
