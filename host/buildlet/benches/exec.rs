//! What an exec costs: `/bin/true` through client and agent, against fork and exec of it.
//!
//! The agent is a process of its own, this program started again with its work directory, over loopback. With TLS is
//! how it is used across machines and what the bar holds for; without is how local buildlets are.

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use buildlet::Secret;
use buildlet::agent::{AgentConfig, run_until};
use buildlet::client::{Client, ClientSettings, ExecRequest};
use buildlet::tls::KeyPair;
use measure::{Bar, Report, Samples};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const ROUNDS: usize = 300;
/// Not measured: connections, caches and the kernel's first control group.
const WARM_UP: usize = 20;
/// What client and agent may add at the median.
const OVERHEAD_BAR: Duration = Duration::from_millis(2);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, work_dir] = &arguments[..] {
        serve(role == "tls", work_dir).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let home = tempfile::tempdir()?;
    let (_plain_agent, plain) = start("plain", home.path()).await?;
    let (_tls_agent, tls) = start("tls", home.path()).await?;
    let [mut direct, mut without_tls, mut with_tls] = [(); 3].map(|()| Samples::default());
    for round in 0..WARM_UP + ROUNDS {
        let times = [direct_exec().await?, exec(&plain).await?, exec(&tls).await?];
        if round >= WARM_UP {
            direct.push(times[0]);
            without_tls.push(times[1]);
            with_tls.push(times[2]);
        }
    }
    let mut report = Report::default();
    report.samples("fork and exec", &direct, &direct);
    report.samples("through client and agent, no TLS", &without_tls, &direct);
    report.samples("through client and agent, TLS", &with_tls, &direct);
    let overhead = with_tls.median().saturating_sub(direct.median());
    report.bar("overhead in ms", millis(overhead), Bar::Below(millis(OVERHEAD_BAR)));
    Ok(report.end())
}

/// Is the agent, until it is killed.
async fn serve(tls: bool, work_dir: &str) -> Result<()> {
    let mut config = AgentConfig::new(work_dir);
    config.password = Some(Secret::random());
    config.own_process = true;
    config.die_with_parent = true;
    if tls {
        config.tls = Some(Arc::new(KeyPair::generate()?));
    }
    #[expect(clippy::print_stdout, reason = "the URL is the result")]
    let ready = |url: &buildlet::BuildletUrl| println!("{}", url.reveal());
    run_until(config, ready, std::future::pending()).await?;
    Ok(())
}

/// Starts an agent and connects to it.
async fn start(role: &str, home: &Path) -> Result<(Child, Client)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(role).arg(home.join(role)).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let output = child.stdout.take().context("it has a stdout")?;
    let url = BufReader::new(output).lines().next_line().await?.context("the agent said no URL")?;
    let client = Client::connect(&url.parse()?, ClientSettings::default()).await?;
    Ok((child, client))
}

async fn direct_exec() -> Result<Duration> {
    let begun = Instant::now();
    let status = Command::new("/bin/true").status().await?;
    ensure!(status.success(), "`/bin/true` failed");
    Ok(begun.elapsed())
}

async fn exec(client: &Client) -> Result<Duration> {
    let begun = Instant::now();
    let end = client.exec(&ExecRequest::sys("/bin/true", [""; 0]), &mut Vec::new()).await?;
    ensure!(end.result.success(), "`/bin/true` failed: {end:?}");
    Ok(begun.elapsed())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
