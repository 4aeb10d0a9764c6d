//! Serves this machine.

use anyhow::Context;
use buildlet::agent::{Agent, ServeEnd};
use tokio::signal::unix::{SignalKind, signal};

use super::announce::announce;
use super::setup::setup;
use crate::args::{BuildletArgs, GlobalArgs};
use crate::config::buildlet::BuildletFile;
use crate::config::find::Folders;
use crate::exit::Exit;

/// Serves until a signal, `/halt`, or the end of the process that started this one.
pub(in crate::commands) fn run(global: &GlobalArgs, args: &BuildletArgs) -> anyhow::Result<Exit> {
    let file = BuildletFile::find(global.config.as_deref(), &Folders::of_process())?;
    let setup = setup(args, &file)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start threads")?;
    let end = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
        let agent = Agent::bind(setup.config).await.context("failed to start the buildlet")?;
        announce(&agent.url(), args.address_file.as_deref())?;
        let shutdown = async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        agent.serve(shutdown).await.context("failed to serve")
    })?;
    if let Some(folder) = setup.folder {
        let path = folder.path().to_owned();
        folder.close().with_context(|| format!("failed to remove `{}`", path.display()))?;
    }
    Ok(match end {
        ServeEnd::Shutdown | ServeEnd::Halted | ServeEnd::ParentEnded | ServeEnd::Orphaned => Exit::Passed,
    })
}
