//! `/muster/ack`, `/muster/exec` and `/muster/kill`: execs with an id.

use std::{io, sync::Arc};

use super::{
    super::{
        exec::Spool,
        http1::Exchange,
        refusal::{Fail, Refusal},
        state::AgentState,
    },
    plain::require,
};
use crate::protocol::{ExecId, Form};

/// The caller has the output up to an offset, or all and the end.
pub(crate) async fn acknowledge(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "POST")?;
    let form = exchange.form().await?.ok_or_else(|| Refusal::bad_request("http: POST too large"))?;
    let spool = find(state, &form)?;
    let offset = form.get("offset").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    let offset = offset.ok_or_else(|| Refusal::bad_request("bad 'offset' parameter"))?;
    spool.acknowledge(offset);
    if form.flag("end") {
        state.execs.forget(&spool.id);
    }
    Ok(exchange.text("").await?)
}

/// What is known of an exec.
pub(crate) async fn show(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "GET")?;
    let spool = find(state, &exchange.head.query)?;
    let text = serde_json::to_string(&spool.state()).map_err(io::Error::other)?;
    let kind = ("Content-Type", "application/json; charset=utf-8");
    Ok(exchange.respond(200, &[kind], text.as_bytes()).await?)
}

/// Kills an exec.
pub(crate) async fn kill(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "POST")?;
    let form = exchange.form().await?.ok_or_else(|| Refusal::bad_request("http: POST too large"))?;
    let spool = find(state, &form)?;
    state.execs.kill(&spool.id);
    Ok(exchange.text("").await?)
}

fn find(state: &AgentState, form: &Form) -> Result<Arc<Spool>, Refusal> {
    let id = form.get("id").and_then(|text| std::str::from_utf8(text).ok()?.parse::<ExecId>().ok());
    let id = id.ok_or_else(|| Refusal::bad_request("bad 'id' parameter"))?;
    let found = state.execs.find(&id)?;
    found.ok_or_else(|| Refusal::gone(format!("exec {id} is gone: this agent does not know it")))
}
