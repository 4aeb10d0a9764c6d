//! What one machine printed, as one text.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use coordinator::streams::EXEC;
use engine::LeaseId;
use futures::{StreamExt as _, stream};
use http::header;

use super::extract::{InPath, build_id};
use super::log::{FINISHED, TEXT, pieces};
use crate::facts::Known;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{MachineLog, Part, machine_log};

/// What one machine printed for a build: the outputs of its execs in the order they ran, each below a heading
///
/// As far as it is now; `Muster-Log-Finished` says whether more may come. Headings are lines that begin with `=== `.
#[utoipa::path(
    get, path = "/builds/{id}/machines/{lease}/log", tag = "logs",
    params(
        ("id" = u64, Path, description = "its number"),
        ("lease" = u64, Path, description = "the number of the build's claim on the machine, as its `machines` have it")
    ),
    responses((status = 200, description = "all of it", body = String, content_type = "text/plain"))
)]
pub(super) async fn joined(
    State(service): State<Arc<Service>>,
    InPath((id, lease)): InPath<(String, String)>,
) -> Result<Response, Problem> {
    let known = service.known(build_id(&id)?).await?;
    let joined = log_of_machine(&service, &known, &lease).await?;
    let first = format!("=== {}\n", joined.heading);
    let headings: Vec<Bytes> = joined.parts.iter().map(|part| Bytes::from(heading(part))).collect();
    let length = first.len() as u64
        + joined.parts.iter().zip(&headings).map(|(part, heading)| heading.len() as u64 + part.bytes).sum::<u64>();
    let finished = if joined.finished { "true" } else { "false" };
    let build = known.build();
    // A part is opened when those before it are sent.
    let parts = stream::iter(joined.parts.into_iter().zip(headings)).flat_map(move |(part, heading)| {
        let output = pieces(Arc::clone(&service), build, &format!("{EXEC}{}", part.stream), 0, part.bytes);
        stream::once(std::future::ready(Ok(heading))).chain(output)
    });
    let body = Body::from_stream(stream::once(std::future::ready(Ok(Bytes::from(first)))).chain(parts));
    let response = Response::builder()
        .header(header::CONTENT_TYPE, TEXT)
        .header(header::CONTENT_LENGTH, length)
        .header(FINISHED, finished);
    response.body(body).map_err(|error| Problem::internal(error.to_string()))
}

/// The heading of a part: output need not end with a line break.
fn heading(part: &Part) -> String {
    format!("\n=== {}: {}\n", part.stream, part.heading)
}

/// What the machine of a claim printed. The claim is named by its number, with or without its letter.
pub(crate) async fn log_of_machine(service: &Service, known: &Known, lease: &str) -> Result<MachineLog, Problem> {
    let build = known.build().0;
    let infos = service.logs().streams(build).await?;
    let number = lease.strip_prefix('l').unwrap_or(lease).parse().ok().map(LeaseId);
    let found = number.and_then(|number| known.look(|facts, _| machine_log(facts, number, infos)));
    found.ok_or_else(|| {
        Problem::not_found(
            format!("build {build} has no machine `{lease}`"),
            format!("`machines` of /api/v1/builds/{build} lists those there are, by `lease`"),
        )
    })
}
