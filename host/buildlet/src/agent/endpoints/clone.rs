//! `/muster/clone`: a copy of a local directory, for buildlets on one machine.

use std::{io, path::PathBuf, sync::Arc};

use super::{
    super::{
        exec::MusterParams,
        http1::Exchange,
        paths,
        refusal::{Fail, Refusal, io_cause, is_full},
        remove::remove_content,
        state::AgentState,
    },
    files::inside,
    plain::require,
};
use crate::{client::chain, protocol::ClonedTree};

/// Clones `from`, an absolute path below an allowed directory, into `dir`, which holds nothing yet.
pub(crate) async fn clone(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "POST")?;
    let form = exchange.form().await?.ok_or_else(|| Refusal::bad_request("http: POST too large"))?;
    let text = |key| form.get(key).and_then(|raw| String::from_utf8(raw.to_vec()).ok()).unwrap_or_default();
    let source = allowed(state, &text("from"))?;
    let dir = text("dir");
    let relative = paths::relative(dir.as_bytes()).ok_or_else(|| Refusal::bad_request("bogus dir"))?;
    let target = inside(state, &relative, "bogus dir")?;
    let lease = MusterParams::lease(&exchange.head)?;
    let write = state.tree_writes.begin(vec![target.clone()], lease, &state.execs).await?;
    let cloned = tokio::task::spawn_blocking(move || {
        let _write = write;
        let cloned = snapshot::clone::clone_tree(&source, &target);
        if cloned.as_ref().is_err_and(snapshot::CloneError::is_partial)
            && let Err(error) = remove_content(&target)
        {
            tracing::error!(%error, "a part of a clone could not be removed");
        }
        cloned
    })
    .await
    .map_err(io::Error::other)?;
    let cloned = cloned.map_err(|error| match io_cause(&error).filter(|cause| is_full(cause)) {
        Some(full) => Refusal::io("cloning", full),
        None => Refusal::new(500, chain(&error)),
    })?;
    let told = ClonedTree {
        files: cloned.files,
        directories: cloned.directories,
        symlinks: cloned.symlinks,
        bytes: cloned.bytes,
        reflinked: cloned.reflinked,
    };
    Ok(exchange.text(&serde_json::to_string(&told).map_err(io::Error::other)?).await?)
}

/// Only what the agent was started with may be cloned, links followed.
fn allowed(state: &AgentState, from: &str) -> Result<PathBuf, Refusal> {
    let refused = || Refusal::new(400, "cloning from there is not allowed: see --allow-clone-from");
    let real = PathBuf::from(from).canonicalize().map_err(|_| refused())?;
    let roots = state.config.allow_clone_from.iter().filter_map(|root| root.canonicalize().ok());
    let allowed = roots.into_iter().any(|root| real.starts_with(root));
    if PathBuf::from(from).is_absolute() && allowed { Ok(real) } else { Err(refused()) }
}
