//! Trees: what a client wants built, as one archive under its digest.

use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest as _, Sha256};
use snapshot::blob::{BlobKey, BlobWriter, PutMode};
use tokio::time::timeout;

use super::extract::InPath;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::trees::{TREE_KIND, parse, tree_key};

/// What is read of a refused body, and for how long.
const DRAIN_BYTES: usize = 8 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Says whether a tree is here
#[utoipa::path(
    head, path = "/trees/{digest}", tag = "trees",
    params(("digest" = String, Path, description = "`sha256:` and 64 hex digits", pattern = "^sha256:[0-9a-f]{64}$")),
    responses((status = 204, description = "It is here"), (status = 404, description = "It is not"))
)]
pub(super) async fn head(
    State(service): State<Arc<Service>>,
    InPath(digest): InPath<String>,
) -> Result<StatusCode, Problem> {
    match service.blobs().head(&tree_key(&digest)?).await? {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Problem::not_found(format!("the tree {digest} is not here"), "upload it with PUT")),
    }
}

/// Takes in a tree: a tar archive compressed by zstd
///
/// Its paths are those below the tree's root. The digest is that of the body.
#[utoipa::path(
    put, path = "/trees/{digest}", tag = "trees",
    params(("digest" = String, Path, description = "`sha256:` and 64 hex digits", pattern = "^sha256:[0-9a-f]{64}$")),
    request_body(content = Vec<u8>, content_type = "application/zstd", description = "the archive"),
    responses((status = 201, description = "It is here now"), (status = 204, description = "It was here already"))
)]
pub(super) async fn put(
    State(service): State<Arc<Service>>,
    InPath(digest): InPath<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, Problem> {
    let mut body = body.into_data_stream();
    let taken = take_in(&service, &digest, &headers, &mut body).await;
    // A client that still sends when the connection closes may never read why.
    drain(&mut body).await;
    taken
}

async fn take_in(
    service: &Service,
    digest: &str,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<Response, Problem> {
    let (key, most) = (tree_key(digest)?, service.settings().tree_bytes);
    if service.blobs().head(&key).await?.is_some() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > most) {
        return Err(too_large(most));
    }
    let mut writer = service.blobs().put(&key, TREE_KIND, PutMode::Replace).await?;
    match receive(&mut writer, body, most).await {
        Ok(received) if received == parse(digest)? => {
            writer.finish().await?;
            Ok((StatusCode::CREATED, [(header::LOCATION, location(&key))]).into_response())
        }
        Ok(received) => {
            writer.abort().await;
            Err(Problem::new(
                Kind::DigestMismatch,
                format!("the body's digest is sha256:{received}, not {digest}"),
                "the upload was damaged, or the file changed meanwhile: send it again",
            ))
        }
        Err(problem) => {
            writer.abort().await;
            Err(problem)
        }
    }
}

fn location(key: &BlobKey) -> String {
    format!("/api/v1/trees/sha256:{}", key.as_str().rsplit('/').next().unwrap_or_default())
}

/// Passes the body on to the blob store, at the pace of the slower one. Gives its digest.
async fn receive(writer: &mut BlobWriter, body: &mut BodyDataStream, most: u64) -> Result<snapshot::Digest, Problem> {
    let (mut hasher, mut length) = (Sha256::new(), 0_u64);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            let hint = "send it again over a connection that holds";
            Problem::new(Kind::BadRequest, format!("the upload broke off: {error}"), hint)
        })?;
        length += chunk.len() as u64;
        if length > most {
            return Err(too_large(most));
        }
        hasher.update(&chunk);
        writer.write(chunk).await?;
    }
    let digest = hex::encode(hasher.finalize());
    digest.parse().map_err(|error| Problem::internal(format!("a digest cannot be read back: {error}")))
}

/// Reads what is left of a body that was refused, within bounds.
async fn drain(body: &mut BodyDataStream) {
    let mut left = DRAIN_BYTES;
    let reading = async {
        while let Some(Ok(chunk)) = body.next().await
            && left > chunk.len()
        {
            left -= chunk.len();
        }
    };
    // Whoever sends more, or slower, gets the connection closed.
    let _in_time = timeout(DRAIN_TIME, reading).await;
}

fn too_large(most: u64) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("a tree may have {most} bytes as sent"),
        "leave out what is made by the build (.gitignore)",
    )
}
