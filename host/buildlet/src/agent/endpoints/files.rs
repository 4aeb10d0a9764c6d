//! `/write` and `/removeall`.

use std::{
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::io::AsyncWriteExt as _;

use super::{
    super::{
        exec::MusterParams,
        http1::Exchange,
        paths,
        refusal::{Fail, Refusal},
        remove::{remove_content, remove_tree},
        state::AgentState,
    },
    plain::require,
};

/// Writes one file with the mode given, a decimal number.
pub(crate) async fn write(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    if exchange.head.method != "PUT" {
        return Err(Refusal::bad_request("requires POST method").into());
    }
    let query = &exchange.head.query;
    let relative = query.get("path").and_then(paths::relative);
    let relative = relative.ok_or_else(|| Refusal::bad_request("bad path"))?;
    // The permission bits are the lowest nine; those above say what else it is, and only a regular file may be.
    let mode = query.get("mode").and_then(|text| std::str::from_utf8(text).ok()?.parse::<u32>().ok());
    let mode = mode.filter(|mode| mode & !0o777 == 0).ok_or_else(|| Refusal::bad_request("bad mode"))?;
    let path = inside(state, &relative, "bad path")?;
    let failed = |error: &io::Error| Refusal::io("writing the file", error);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| failed(&error))?;
    }
    let opened = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&path);
    let mut file = tokio::fs::File::from_std(opened.map_err(|error| failed(&error))?);
    let written: Result<(), Fail> = async {
        while let Some(chunk) = exchange.chunk().await? {
            file.write_all(&chunk).await.map_err(|error| failed(&error))?;
        }
        file.flush().await.map_err(|error| failed(&error))?;
        let permissions = std::fs::Permissions::from_mode(mode);
        file.set_permissions(permissions).await.map_err(|error| failed(&error))?;
        Ok(())
    }
    .await;
    if written.is_err() {
        // Half a file is worse than none. That it cannot be removed does not change the answer.
        let _ = std::fs::remove_file(&path);
    }
    written?;
    Ok(exchange.text("OK").await?)
}

/// Removes trees; all paths are checked before any is removed.
pub(crate) async fn remove_all(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "POST")?;
    let form = exchange.form().await?.ok_or_else(|| Refusal::bad_request("http: POST too large"))?;
    let mut targets = Vec::new();
    let query = exchange.head.query.clone();
    for raw in form.all("path").chain(query.all("path")) {
        let bad = format!("bad 'path' parameter: {:?}", String::from_utf8_lossy(raw));
        let relative = paths::relative(raw).ok_or_else(|| Refusal::bad_request(bad.clone()))?;
        // The last part is removed itself, also where it is a link.
        let parent = relative.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            inside(state, parent, &bad)?;
        }
        targets.push(relative);
    }
    if targets.is_empty() {
        return Err(Refusal::bad_request("requires 'path' parameter").into());
    }
    let work_dir = state.work_dir.clone();
    let places: Vec<PathBuf> = targets.iter().map(|target| paths::join(&work_dir, target)).collect();
    let lease = MusterParams::lease(&exchange.head)?;
    let write = state.tree_writes.begin(places.clone(), lease, &state.execs).await?;
    let removed = tokio::task::spawn_blocking(move || {
        // Whoever comes next waits for this, also if the client does not.
        let _write = write;
        places.iter().try_for_each(|place| if *place == work_dir { remove_content(place) } else { remove_tree(place) })
    })
    .await
    .map_err(io::Error::other)?;
    removed.map_err(|error| Refusal::io("removing", &error))?;
    Ok(exchange.text("").await?)
}

/// Joins a path to the work directory, which is made if need be, and refuses links that lead out.
pub(super) fn inside(state: &AgentState, relative: &Path, refusal: &str) -> Result<PathBuf, Refusal> {
    state.ensure_work_dir().map_err(|error| Refusal::io("making the work directory", &error))?;
    let path = paths::join(&state.work_dir, relative);
    match paths::stays_inside(&state.work_dir, &path) {
        Ok(true) => Ok(path),
        Ok(false) => Err(Refusal::bad_request(format!("{refusal}: a symbolic link leads out of the work directory"))),
        Err(error) => Err(Refusal::io("looking at the path", &error)),
    }
}
