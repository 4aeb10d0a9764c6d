//! Processes for this crate's tests: an agent with the options that the local pool gives `muster buildlet`, and a
//! coordinator that can be killed.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use buildlet::Secret;
use buildlet::agent::{AgentConfig, OrphanConfig, run_until};
use buildlet::client::ExecRequest;
use engine::{BuildId, LeaseId, Role};
use pool::local::LocalSettings;
use pool::{LeaseRequest, LocalPool, Pool};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let mode = args.next().context("say `buildlet`, `coordinator` or `service`")?;
    match mode.to_str() {
        Some("buildlet") => serve(args).await,
        Some("coordinator") => coordinate(args.next().context("name the state folder")?.into(), None).await,
        Some("service") => {
            let state_dir = args.next().context("name the state folder")?.into();
            let window = args.next().context("say how long machines survive, in milliseconds")?;
            let window = window.to_str().and_then(|text| text.parse().ok()).context("that is a number")?;
            coordinate(state_dir, Some(Duration::from_millis(window))).await
        }
        _ => bail!("say `buildlet`, `coordinator` or `service`, not {mode:?}"),
    }
}

async fn serve(mut args: impl Iterator<Item = std::ffi::OsString>) -> anyhow::Result<()> {
    let mut config = AgentConfig::new("");
    config.own_process = true;
    let mut address_file = None;
    let mut orphan = OrphanConfig { after: Duration::MAX, remove: Vec::new() };
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
            "--no-additions" => config.announce_additions = false,
            "--address-file" => address_file = Some(PathBuf::from(value()?)),
            "--orphan-after" => {
                let text = value()?.into_string().map_err(|_| anyhow::anyhow!("a time is text"))?;
                let millis = text.strip_suffix("ms").context("the pool says it in milliseconds")?;
                orphan.after = Duration::from_millis(millis.parse()?);
            }
            "--orphan-remove" => orphan.remove.push(value()?.into()),
            other => bail!("option {other} is not known"),
        }
    }
    config.orphan = Some(orphan).filter(|orphan| orphan.after != Duration::MAX);
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async {
        terminate.recv().await;
    };
    #[expect(clippy::print_stdout, reason = "the URL is the result")]
    let ready = |url: &buildlet::BuildletUrl| {
        if let Some(file) = address_file {
            // Whole or not there.
            let new = file.with_extension("new");
            std::fs::write(&new, url.reveal()).and_then(|()| std::fs::rename(&new, &file)).expect("it can be written");
        }
        println!("listening {}", url.reveal());
    };
    run_until(config, ready, shutdown).await?;
    Ok(())
}

/// Leases two machines, starts a command on each, says so, and runs until it is killed. The machines of a service survive
/// that, and their commands can be attached to.
async fn coordinate(state_dir: PathBuf, survive: Option<Duration>) -> anyhow::Result<()> {
    let settings = LocalSettings { survive, ..LocalSettings::new(std::env::current_exe()?, state_dir) };
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
            let mut request = ExecRequest::sys("/bin/sh", ["-c", script]);
            request.id = survive.map(|_| "kept".parse().expect("it is an id"));
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
