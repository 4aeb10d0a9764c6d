//! What an exec costs: the median of `/bin/true` started directly, and through client and agent, in one run.
//!
//! Prints one JSON line; `ratio` is how many times as long the way through client and agent takes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use buildlet::{
    Secret,
    agent::{Agent, AgentConfig},
    client::{Client, ClientSettings, ExecRequest},
};

const ROUNDS: usize = 300;
/// Not measured: connections, caches and the kernel's first control group.
const WARM_UP: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut config = AgentConfig::new(home.path().join("work"));
    config.password = Some(Secret::random());
    let agent = Agent::bind(config).await?;
    let url = agent.url();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(agent.serve(async {
        // Dropping the other end is the sign, too.
        let _ = stopped.await;
    }));
    let client = Client::connect(&url, ClientSettings::default()).await?;
    let (mut direct, mut through, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS + WARM_UP {
        let begun = Instant::now();
        let status = tokio::process::Command::new("/bin/true").status().await?;
        ensure!(status.success(), "`/bin/true` failed");
        let direct_time = begun.elapsed();
        let begun = Instant::now();
        let request = ExecRequest::sys("/bin/true", [""; 0]);
        let end = client.exec(&request, &mut Vec::new()).await?;
        ensure!(end.result.success(), "`/bin/true` failed: {end:?}");
        let through_time = begun.elapsed();
        let begun = Instant::now();
        let request = ExecRequest { id: Some(format!("e{round}").parse()?), ..request };
        client.exec(&request, &mut Vec::new()).await?;
        let kept_time = begun.elapsed();
        if round >= WARM_UP {
            direct.push(direct_time);
            through.push(through_time);
            kept.push(kept_time);
        }
    }
    let (direct, through, kept) = (median(direct), median(through), median(kept));
    let line = serde_json::json!({
        "direct_us": direct.as_micros(),
        "through_us": through.as_micros(),
        "with_id_us": kept.as_micros(),
        "overhead_us": through.saturating_sub(direct).as_micros(),
        "overhead_with_id_us": kept.saturating_sub(direct).as_micros(),
        "ratio": through.as_secs_f64() / direct.as_secs_f64(),
    });
    #[expect(clippy::print_stdout, reason = "the numbers are the result")]
    {
        println!("{line}");
    }
    drop(stop);
    served.await??;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
