//! What one exec printed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use coordinator::streams::{EXEC, NOTES, ORDERED};
use engine::BuildId;
use http::StatusCode;

use super::shell::{Shell, html};
use super::words;
use crate::api::{InPath, build_id, follower_at, streams_of};
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
    tail: Tail,
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
    let tail = tail(&service, id, &key, stream.bytes, SHOWN).await?;
    let mut shell = Shell::new(format!("{} · #{} · muster", words::line(&name), id.0), Some(&identity));
    shell.place = "Builds";
    html(StatusCode::OK, &Page { shell, build: id.0, stream, tail })
}

/// The end of a stream, as markup.
pub(super) struct Tail {
    /// Bytes before it.
    pub(super) cut: u64,
    /// Its text with colours.
    pub(super) html: String,
}

/// The last bytes, at most `room`, of a stream that has `end`.
pub(super) async fn tail(
    service: &Service,
    build: BuildId,
    stream: &str,
    end: u64,
    room: u64,
) -> Result<Tail, Problem> {
    let cut = end.saturating_sub(room);
    let (mut at, mut bytes) = (cut, Vec::new());
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX);
        let piece = service.logs().read(build.0, stream, at, wanted).await?.bytes;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        bytes.extend_from_slice(&piece);
    }
    let look = follower_at(service, build, stream, cut).await?.look();
    Ok(Tail { cut, html: report::ansi::html_from(&bytes, look) })
}
