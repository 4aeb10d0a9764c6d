//! An agent as a process of its own, for tests: options as one line of JSON on stdin, its URL as one line on stdout.

use std::{io::BufRead as _, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use buildlet::{
    Secret,
    agent::{AgentConfig, OrphanConfig, run_until},
    tls::KeyPair,
};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    work_dir: PathBuf,
    #[serde(default)]
    state_dir: Option<PathBuf>,
    #[serde(default)]
    listen: Option<std::net::SocketAddr>,
    #[serde(default)]
    password: Option<String>,
    /// Serves TLS with a new certificate.
    #[serde(default)]
    tls: bool,
    #[serde(default)]
    allow_clone_from: Vec<PathBuf>,
    #[serde(default)]
    die_with_parent: bool,
    #[serde(default = "yes")]
    cgroups: bool,
    #[serde(default)]
    spool_bytes: Option<u64>,
    #[serde(default)]
    orphan_after_ms: Option<u64>,
    #[serde(default)]
    orphan_remove: Vec<PathBuf>,
}

fn yes() -> bool {
    true
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let options: Options = serde_json::from_str(&line).context("read the options from stdin")?;
    let mut config = AgentConfig::new(options.work_dir);
    config.state_dir = options.state_dir;
    config.password = options.password.map(Secret::new);
    config.allow_clone_from = options.allow_clone_from;
    config.die_with_parent = options.die_with_parent;
    config.cgroups = options.cgroups;
    config.own_process = true;
    config.orphan = options
        .orphan_after_ms
        .map(|after| OrphanConfig { after: Duration::from_millis(after), remove: options.orphan_remove });
    if let Some(listen) = options.listen {
        config.listen = listen;
    }
    if let Some(spool_bytes) = options.spool_bytes {
        config.limits.spool_bytes = spool_bytes;
    }
    if options.tls {
        config.tls = Some(Arc::new(KeyPair::generate()?));
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async {
        terminate.recv().await;
    };
    #[expect(clippy::print_stdout, reason = "the URL is the result")]
    let ready = |url: &buildlet::BuildletUrl| println!("{}", url.reveal());
    run_until(config, ready, shutdown).await?;
    Ok(())
}
