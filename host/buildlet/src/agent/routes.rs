//! Which request goes where, and who is let in.

use std::{io, sync::Arc};

use base64::Engine as _;

use super::{
    endpoints::{archive, clone, exec, execs, files, list, plain},
    exec::MusterParams,
    http1::{Exchange, Head},
    refusal::{Fail, Refusal},
    state::AgentState,
};

/// Handles one request. An error means that the response is not whole.
pub(super) async fn route(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> io::Result<()> {
    match handle(state, exchange).await {
        Ok(()) => Ok(()),
        Err(Fail::Cut(error)) => Err(error),
        Err(Fail::Refuse(refusal)) if exchange.responded() => Err(io::Error::other(refusal.text)),
        Err(Fail::Refuse(refusal)) => refusal.send(exchange).await,
    }
}

async fn handle(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    let path = exchange.head.path.clone();
    match path.as_str() {
        "/" => return plain::root(exchange).await,
        "/healthz" => return plain::healthz(exchange).await,
        "/debug/x" => return plain::debug_x(exchange).await,
        _ => {}
    }
    let known = [
        "/status",
        "/workdir",
        "/writetgz",
        "/write",
        "/tgz",
        "/exec",
        "/removeall",
        "/ls",
        "/halt",
        "/muster/ack",
        "/muster/clone",
        "/muster/exec",
        "/muster/kill",
    ];
    if !known.contains(&path.as_str()) {
        return Err(Refusal::new(404, "404 page not found").into());
    }
    authenticate(state, &exchange.head)?;
    state.contact.heard();
    if matches!(exchange.head.method.as_str(), "PUT" | "POST")
        && let Some(lease) = MusterParams::lease(&exchange.head)?
    {
        state.execs.admit(lease).await?;
        state.tree_writes.end_before(lease).await;
    }
    match path.as_str() {
        "/status" => plain::status(state, exchange).await,
        "/workdir" => plain::work_dir(state, exchange).await,
        "/halt" => plain::halt(state, exchange).await,
        "/writetgz" => archive::write_tgz(state, exchange).await,
        "/tgz" => archive::tgz(state, exchange).await,
        "/write" => files::write(state, exchange).await,
        "/removeall" => files::remove_all(state, exchange).await,
        "/ls" => list::list(state, exchange).await,
        "/exec" => exec::exec(state, exchange).await,
        "/muster/ack" => execs::acknowledge(state, exchange).await,
        "/muster/exec" => execs::show(state, exchange).await,
        "/muster/kill" => execs::kill(state, exchange).await,
        _ => clone::clone(state, exchange).await,
    }
}

/// HTTP Basic; the user's name does not matter.
fn authenticate(state: &AgentState, head: &Head) -> Result<(), Refusal> {
    let Some(password) = &state.config.password else { return Ok(()) };
    let given = head
        .text("authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok());
    let given = given.as_deref().unwrap_or_default();
    let at = given.iter().position(|&byte| byte == b':');
    match at {
        Some(at) if password.matches(&given[at + 1..]) => Ok(()),
        Some(_) | None => Err(Refusal::new(403, "invalid password")),
    }
}
