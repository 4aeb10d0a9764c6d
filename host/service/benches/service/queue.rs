//! A restart with a long queue.

use std::sync::Arc;

use anyhow::{Result, ensure};
use measure::{Bar, Report, Samples};
use tokio::task::JoinSet;

use crate::muster::Muster;

const ROUNDS: usize = 5;
/// Builds that wait.
const QUEUED: usize = 25_000;
/// Clients that submit them.
const CLIENTS: usize = 16;
/// How soon it drives builds again.
const SECONDS: f64 = 2.0;

/// The one that runs goes on for the whole bench.
const LONG: &str = "[command]\nmake = [\"sleep 3600\"]\nlist = \"echo a\"\nrun = \"true {tests}\"\n";
const QUICK: &str = "[command]\nlist = \"echo a\"\nrun = \"true {tests}\"\n";

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let muster = Muster::start().await?;
    let quick = muster.upload(QUICK).await?;
    let long = muster.send(LONG)?;
    let mut muster = fill(Arc::new(muster), &quick).await?;
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        samples.push(muster.restart().await?);
        ensure!(muster.waiting().await? == QUEUED as u64, "builds are lost");
    }
    ensure!(muster.build(long).await?["phase"] == "make", "the build that runs is lost");
    report.samples(&format!("ready after a restart with {QUEUED} builds queued"), &samples, &samples);
    report.bar("seconds of that", samples.median().as_secs_f64(), Bar::Below(SECONDS));
    Ok(())
}

/// Submits them all.
async fn fill(muster: Arc<Muster>, tree: &str) -> Result<Muster> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (muster, tree) = (Arc::clone(&muster), tree.to_owned());
        clients.spawn(async move {
            for _ in (client..QUEUED).step_by(CLIENTS) {
                muster.trigger(&tree).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Arc::into_inner(muster).ok_or_else(|| anyhow::anyhow!("a client still runs"))
}
