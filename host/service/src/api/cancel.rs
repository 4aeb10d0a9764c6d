//! Stopping a build.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::builds::view;
use super::extract::{Build, MaybeBody};
use super::submit::own;
use crate::identity::Identity;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::view::BuildView;

/// Characters of a reason.
const MAX_REASON: usize = 500;

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelRequest {
    /// For the log and the page of the build.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Cancels a build
///
/// The answer comes at once; the build ends a little later, when its machines have stopped.
#[utoipa::path(
    post, path = "/builds/{id}/cancel", tag = "builds", params(("id" = u64, Path, description = "its number")),
    request_body = Option<CancelRequest>, responses((status = 202, body = BuildView))
)]
pub(crate) async fn cancel(
    State(service): State<Arc<Service>>,
    identity: Identity,
    Build(id): Build,
    MaybeBody(request): MaybeBody<CancelRequest>,
) -> Result<(StatusCode, Json<BuildView>), Problem> {
    let coordinator = service.active()?;
    // Asked first: one that ends meanwhile is known to be over.
    let is_driven_here = coordinator.build(id).is_some();
    let known = service.known(id).await?;
    own(&identity, &known.kept.submission, "cancel")?;
    if known.has_ended() {
        let what = format!("build {} is over", id.0);
        return Err(Problem::new(Kind::Ended, what, "what has ended cannot be canceled"));
    }
    if !is_driven_here {
        return Err(Problem::new(
            Kind::Elsewhere,
            format!("another process drives build {}: a `muster build` over the same store", id.0),
            "stop it where it runs, with Ctrl-C",
        ));
    }
    let cause = match request.reason.as_deref().map(str::trim) {
        Some(reason) if reason.chars().count() > MAX_REASON => {
            return Err(Problem::new(
                Kind::BadRequest,
                format!("the reason has more than {MAX_REASON} characters"),
                "say it in a sentence",
            ));
        }
        Some(reason) if !reason.is_empty() => format!("canceled by {}: {reason}", identity.name),
        Some(_) | None => format!("canceled by {}", identity.name),
    };
    coordinator.cancel(id, &cause).await;
    let known = service.known(id).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&service, &known))))
}
