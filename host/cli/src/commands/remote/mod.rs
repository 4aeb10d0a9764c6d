//! The commands that ask a server.

mod builds;
mod cancel;
mod logs;
mod plugins;
mod show;
mod status;
mod submit;
mod tokens;
mod updates;
mod wait;

pub(crate) use builds::run as builds;
pub(crate) use cancel::{cancel, retry};
pub(crate) use logs::run as logs;
pub(crate) use plugins::{reload, rollback};
pub(crate) use status::run as status;
pub(crate) use submit::run as submit;
pub(crate) use tokens::run as tokens;

use anyhow::Context;

use crate::args::{GlobalArgs, ServerArgs};
use crate::client::{Client, find};
use crate::config::find::Folders;

/// A client of the server that is meant.
fn client(global: &GlobalArgs, args: &ServerArgs) -> anyhow::Result<Client> {
    Client::new(find(args, global.config.as_deref(), &Folders::of_process())?)
}

/// Runs something that asks a server.
fn block_on<T>(asking: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    let asked = runtime.block_on(asking);
    // A file that cannot be read must not keep the command from ending.
    runtime.shutdown_background();
    asked
}
