//! Processes for this crate's tests: an agent with the options that the local pool gives `muster buildlet`, and a
//! coordinator that can be killed.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use buildlet::Secret;
use buildlet::agent::{AgentConfig, run_until};
use buildlet::client::ExecRequest;
use engine::{BuildId, LeaseId, Role};
use pool::local::LocalSettings;
use pool::{LeaseRequest, LocalPool, Pool};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let mode = args.next().context("say `buildlet` or `coordinator`")?;
    match mode.to_str() {
        Some("buildlet") => serve(args).await,
        Some("coordinator") => coordinate(args.next().context("name the state folder")?.into()).await,
        _ => bail!("say `buildlet` or `coordinator`, not {mode:?}"),
    }
}

async fn serve(mut args: impl Iterator<Item = std::ffi::OsString>) -> anyhow::Result<()> {
    let mut config = AgentConfig::new("");
    config.own_process = true;
    while let Some(option) = args.next() {
        let option = option.to_str().context("options are text")?;
        let mut value = || args.next().with_context(|| format!("{option} needs a value"));
        match option {
            "--listen" => config.listen = value()?.to_str().context("an address is text")?.parse()?,
            "--work-dir" => config.work_dir = value()?.into(),
            "--password-file" => config.password = Some(Secret::new(std::fs::read_to_string(value()?)?)),
            "--allow-clone-from" => config.allow_clone_from.push(value()?.into()),
            "--die-with-parent" => config.die_with_parent = true,
            "--no-tls" => config.tls = None,
            other => bail!("option {other} is not known"),
        }
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async {
        terminate.recv().await;
    };
    #[expect(clippy::print_stdout, reason = "the URL is the result")]
    let ready = |url: &buildlet::BuildletUrl| println!("listening {}", url.reveal());
    run_until(config, ready, shutdown).await?;
    Ok(())
}

/// Leases two machines, starts a command on each, says so, and runs until it is killed.
async fn coordinate(state_dir: PathBuf) -> anyhow::Result<()> {
    let settings = LocalSettings::new(std::env::current_exe()?, state_dir);
    let pool = LocalPool::new(settings)?;
    let mut commands = tokio::task::JoinSet::new();
    for lease in 1..=2 {
        let request =
            LeaseRequest { lease: LeaseId(lease), build: BuildId(1), role: Role::Helper, host_type: "any".to_owned() };
        let granted = pool.acquire(request, CancellationToken::new()).await?;
        #[expect(clippy::print_stdout, reason = "the process id is a result")]
        let () = println!("{}", granted.local.context("it is local")?.pid);
        commands.spawn(async move {
            // A session of its own: what merely shares the agent's process group is easy to find.
            let script = "setsid sleep 100000 & echo $$; echo $!; wait";
            let (output, mut lines) = tokio::sync::mpsc::channel(1);
            let mut output = output;
            let request = ExecRequest::sys("/bin/sh", ["-c", script]);
            let exec = granted.client.exec(&request, &mut output);
            let print = async {
                while let Some(chunk) = lines.recv().await {
                    #[expect(clippy::print_stdout, reason = "the process ids are the result")]
                    let () = print!("{}", String::from_utf8_lossy(&chunk));
                    std::io::Write::flush(&mut std::io::stdout()).expect("the test reads it");
                }
            };
            tokio::join!(exec, print).0
        });
    }
    while let Some(ended) = commands.join_next().await {
        ended??;
    }
    bail!("the commands ended")
}
