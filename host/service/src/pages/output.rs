//! What one exec printed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use coordinator::streams::{EXEC, NOTES, ORDERED};
use http::StatusCode;

use super::shell::{Shell, html};
use super::words;
use crate::api::{InPath, build_id, streams_of};
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::StreamView;

/// Bytes in the page: the end of the output.
const SHOWN: u64 = 512 << 10;

#[derive(Template)]
#[template(path = "output.html")]
struct Page {
    shell: Shell,
    build: u64,
    stream: StreamView,
    cut: u64,
    html: String,
}

/// The output of an exec.
pub(super) async fn output(
    State(service): State<Arc<Service>>,
    identity: Identity,
    InPath((id, name)): InPath<(String, String)>,
) -> Result<Response, Problem> {
    let id = build_id(&id)?;
    let streams = streams_of(&service, &service.known(id).await?).await?.streams;
    let Some(stream) = streams.into_iter().find(|stream| stream.name == name) else {
        return Err(Problem::not_found(
            format!("build {} has no output `{name}`", id.0),
            format!("/builds/{} lists what there is", id.0),
        ));
    };
    let key = if name == ORDERED || name == NOTES { name.clone() } else { format!("{EXEC}{name}") };
    let cut = stream.bytes.saturating_sub(SHOWN);
    let (mut at, mut bytes) = (cut, Vec::new());
    while at < stream.bytes {
        let wanted = usize::try_from(stream.bytes - at).unwrap_or(usize::MAX);
        let piece = service.logs().read(id.0, &key, at, wanted).await?.bytes;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        bytes.extend_from_slice(&piece);
    }
    let mut shell = Shell::new(format!("{} · #{} · muster", words::line(&name), id.0), Some(&identity));
    shell.place = "Builds";
    html(StatusCode::OK, &Page { shell, build: id.0, stream, cut, html: report::ansi::html(&bytes) })
}
