//! The small endpoints: who is there, is it well, where does it work, and the end.

use std::sync::Arc;

use super::super::{
    http1::Exchange,
    refusal::{Fail, Refusal},
    state::AgentState,
};

/// Most bytes `/debug/x` gives.
const MAX_X_BYTES: usize = 1 << 20;

pub(crate) async fn root(exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    let system = if cfg!(target_os = "linux") { "linux" } else { std::env::consts::OS };
    let text = format!("buildlet running on {system}-{}\n", go_arch(std::env::consts::ARCH));
    Ok(exchange.text(&text).await?)
}

pub(crate) async fn healthz(exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    Ok(exchange.text("ok\n").await?)
}

/// Bytes to try a network's packet size with.
pub(crate) async fn debug_x(exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    let asked = exchange.head.query.get("n").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    let count = asked.unwrap_or(0).min(MAX_X_BYTES);
    Ok(exchange.text(&"X".repeat(count)).await?)
}

pub(crate) async fn status(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "GET")?;
    let text = serde_json::to_string(&state.status()).map_err(std::io::Error::other)?;
    let kind = ("Content-Type", "application/json; charset=utf-8");
    Ok(exchange.respond(200, &[kind], text.as_bytes()).await?)
}

pub(crate) async fn work_dir(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "GET")?;
    let text = state.work_dir.to_string_lossy().into_owned();
    Ok(exchange.text(&text).await?)
}

/// Answers, and ends a little later so that the answer arrives.
pub(crate) async fn halt(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "POST")?;
    exchange.text("").await?;
    let state = Arc::clone(state);
    tokio::spawn(async move {
        tokio::time::sleep(state.config.limits.halt_delay).await;
        if state.config.halt_exits {
            state.halt.notify_one();
        } else {
            state.execs.kill_all(false).await;
        }
    });
    Ok(())
}

/// Wrong methods are answered with 400 in this protocol.
pub(super) fn require(exchange: &Exchange<'_>, method: &str) -> Result<(), Refusal> {
    if exchange.head.method == method { Ok(()) } else { Err(Refusal::bad_request(format!("requires {method} method"))) }
}

fn go_arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    }
}
