//! The buttons of builds and tokens: forms that do what the API does, and lead back to a page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Redirect;
use engine::BuildId;
use http::{HeaderMap, header};

use crate::api::{
    Build, CancelRequest, InPath, MaybeBody, cancel as cancel_build, may, retry as retry_build, revoke_token,
};
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildItem, BuildView};

/// What whoever reads a page may do with a build there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Acts {
    /// Cancel it.
    pub(super) cancel: bool,
    /// Submit it again.
    pub(super) retry: bool,
}

impl Acts {
    /// What may be done with a build of which all is known.
    pub(super) fn of(service: &Service, identity: &Identity, build: &BuildView) -> Acts {
        let (is_over, was_submitted) = (build.item.outcome.is_some(), !build.submission.tree.is_empty());
        let Some(coordinator) = service.driven().filter(|_| may(identity, &build.item.by)) else {
            return Acts::default();
        };
        let is_driven_here = coordinator.build(BuildId(build.item.id)).is_some();
        Acts { cancel: is_driven_here && !is_over && build.cancel.is_none(), retry: is_over && was_submitted }
    }

    /// The same of a build that waits or runs, in a list.
    pub(super) fn of_item(service: &Service, identity: &Identity, item: &BuildItem) -> Acts {
        let owns = may(identity, &item.by) && service.driven().is_some();
        Acts { cancel: owns && item.outcome.is_none(), retry: false }
    }
}

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

/// Revokes a token, and the sessions that were made from it: also one's own.
pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    identity: Identity,
    InPath(id): InPath<String>,
) -> Result<Redirect, Problem> {
    revoke_token(&service, &identity, &id).await?;
    Ok(Redirect::to("/tokens"))
}
