//! Bodies that stand still: whoever sends nothing for a while keeps no connection.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::{StreamExt as _, stream};
use tokio::time::timeout;

use crate::service::Service;

/// Ends a body that stands still for too long.
pub(super) async fn bound(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let stall = service.settings().body_stall;
    let (parts, body) = request.into_parts();
    let pieces = stream::unfold(Some(body.into_data_stream()), move |body| async move {
        let mut body = body?;
        match timeout(stall, body.next()).await {
            Ok(piece) => Some((piece?.map_err(io::Error::other), Some(body))),
            Err(_) => {
                let late = format!("nothing came for {} s", stall.as_secs());
                Some((Err(io::Error::new(io::ErrorKind::TimedOut, late)), None))
            }
        }
    });
    next.run(Request::from_parts(parts, Body::from_stream(pieces.fuse()))).await
}
