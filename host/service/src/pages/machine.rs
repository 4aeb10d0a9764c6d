//! What one machine printed for a build: its execs in the order they ran, on one page.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use coordinator::streams::EXEC;
use engine::BuildId;
use http::StatusCode;

use super::output::{Tail, tail};
use super::shell::{Shell, html};
use super::words;
use crate::api::{InPath, build_id, build_view, log_of_machine};
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildView, MachineLog, Part};

/// Bytes in the page: the end of what was printed.
const SHOWN: u64 = 512 << 10;
/// Execs in the page: the last ones.
const PARTS: usize = 200;

#[derive(Template)]
#[template(path = "machine.html")]
struct Page {
    shell: Shell,
    build: BuildView,
    log: MachineLog,
    /// Execs before those that are shown.
    cut: u64,
    shown: Vec<Shown>,
}

/// An exec and the end of its output.
struct Shown {
    part: Part,
    tail: Tail,
}

/// The joined log of a machine: its end, where it is long.
pub(super) async fn machine(
    State(service): State<Arc<Service>>,
    identity: Identity,
    InPath((id, lease)): InPath<(String, String)>,
) -> Result<Response, Problem> {
    let id = build_id(&id)?;
    let known = service.known(id).await?;
    let (build, mut log) = (build_view(&service, &known), log_of_machine(&service, &known, &lease).await?);
    let shown = shown(&service, id, &mut log).await?;
    let mut shell = Shell::new(format!("{} · #{} · muster", words::line(&log.machine), id.0), Some(&identity));
    (shell.icon, shell.place) = (build.item.state(), "Builds");
    shell.twin = format!("/api/v1/builds/{}/machines/{}/log", id.0, log.lease);
    if build.item.outcome.is_none() {
        shell.live = format!("/builds/{}/live", id.0);
    }
    let cut = log.parts.len() as u64;
    html(StatusCode::OK, &Page { shell, build, log, cut, shown })
}

/// Takes the last execs out of the log, with as much of their outputs as a page has room for.
async fn shown(service: &Service, build: BuildId, log: &mut MachineLog) -> Result<Vec<Shown>, Problem> {
    let (mut shown, mut room) = (Vec::new(), SHOWN);
    while room > 0 && shown.len() < PARTS {
        let Some(part) = log.parts.pop() else { break };
        let tail = tail(service, build, &format!("{EXEC}{}", part.stream), part.bytes, room).await?;
        room -= part.bytes - tail.cut;
        shown.push(Shown { part, tail });
    }
    shown.reverse();
    Ok(shown)
}
