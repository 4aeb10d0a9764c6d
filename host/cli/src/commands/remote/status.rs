//! `muster status`: where a build is.

use service::view::BuildView;

use super::{block_on, client, show};
use crate::args::{GlobalArgs, StatusArgs};
use crate::commands::output::print;
use crate::exit::Exit;

/// Shows a build.
///
/// # Errors
/// The server refuses, or cannot be reached.
pub(crate) fn run(global: &GlobalArgs, args: &StatusArgs) -> anyhow::Result<Exit> {
    let client = client(global, &args.server)?;
    let view: BuildView = block_on(async { Ok(client.get(&format!("/builds/{}", args.id)).await?) })?;
    print(&if args.json { serde_json::to_string(&view)? } else { show::build(&view) })?;
    Ok(Exit::Passed)
}
