//! `muster serve`: the coordinator as a service.

use anyhow::Context;

use crate::args::{GlobalArgs, ServeArgs};
use crate::exit::Exit;
use crate::serve;

/// Serves until it is told to stop.
///
/// # Errors
/// What kept it from serving.
pub(crate) fn run(global: &GlobalArgs, args: &ServeArgs) -> anyhow::Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start threads")?;
    runtime.block_on(serve::run(global, args))?;
    // What runs on buildlets goes on; nothing here is worth waiting for.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    Ok(Exit::Passed)
}
