//! How long requests take, by route.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;

use crate::service::Service;

/// What requests to no route are counted under: their paths are anybody's choice.
const NO_ROUTE: &str = "none";

/// Notes how long it took until there was an answer.
pub(super) async fn measure(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method(request.method());
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| NO_ROUTE.to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    service.metrics().request(method, &route, response.status().as_u16(), began.elapsed());
    response
}

/// Methods are anybody's choice, too.
fn method(method: &Method) -> &'static str {
    const KNOWN: [Method; 5] = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];
    const WORDS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];
    KNOWN.iter().position(|known| known == method).map_or("other", |at| WORDS[at])
}
