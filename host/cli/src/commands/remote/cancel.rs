//! `muster cancel` and `muster retry`.

use serde_json::json;
use service::view::BuildView;

use super::{block_on, client};
use crate::args::{CancelArgs, GlobalArgs, RetryArgs};
use crate::commands::output::print;
use crate::exit::Exit;

/// Cancels a build.
///
/// # Errors
/// The server refuses, or cannot be reached.
pub(crate) fn cancel(global: &GlobalArgs, args: &CancelArgs) -> anyhow::Result<Exit> {
    let client = client(global, &args.server)?;
    let body = json!({ "reason": args.reason });
    let path = format!("/builds/{}/cancel", args.id);
    let view: BuildView = block_on(async { Ok(client.post(&path, &body).await?) })?;
    print(&if args.json { serde_json::to_string(&view)? } else { format!("build {} is being canceled", args.id) })?;
    Ok(Exit::Passed)
}

/// Submits a build again.
///
/// # Errors
/// The server refuses, or cannot be reached.
pub(crate) fn retry(global: &GlobalArgs, args: &RetryArgs) -> anyhow::Result<Exit> {
    let client = client(global, &args.server)?;
    let path = format!("/builds/{}/retry", args.id);
    let view: BuildView = block_on(async { Ok(client.order(&path).await?) })?;
    let told = format!("build {} is build {} again", view.item.id, args.id);
    print(&if args.json { serde_json::to_string(&view)? } else { told })?;
    Ok(Exit::Passed)
}
