//! From the trigger to the first line that a reader sees, and what a step costs: Muster and Buildbot in turns.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use measure::{Bar, Report, Samples};
use tokio::time::Instant;

use crate::buildbot::Buildbot;
use crate::muster::Muster;

const ROUNDS: u64 = 7;
/// Steps of a short build and of a long one: what a step costs is the difference.
const FEW: usize = 10;
const MANY: usize = 60;
/// How much quicker than Buildbot it is at least.
const TIMES: f64 = 5.0;

/// Says a line, as soon as it can.
const HELLO: &str = "[command]\nmake = [\"echo hello\"]\nlist = \"echo a\"\nrun = \"true {tests}\"\n";

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let buildbot = Buildbot::start(FEW, MANY).await?;
    let muster = Muster::start().await?;
    let hello = muster.upload(HELLO).await?;
    let [few, many] = [muster.upload(&steps(FEW)).await?, muster.upload(&steps(MANY)).await?];
    let mut lines = [Samples::default(), Samples::default()];
    let mut costs = [Samples::default(), Samples::default()];
    for round in 1..=ROUNDS {
        lines[0].push(buildbot_line(&buildbot, round).await?);
        lines[1].push(muster_line(&muster, &hello).await?);
        let [short, long] = [buildbot_build(&buildbot, "few").await?, buildbot_build(&buildbot, "many").await?];
        costs[0].push(of_one(short, long));
        let [short, long] = [muster_build(&muster, &few).await?, muster_build(&muster, &many).await?];
        costs[1].push(of_one(short, long));
    }
    for (what, [theirs, ours]) in [("trigger to first line", lines), ("cost of a step", costs)] {
        report.samples(&format!("{what}, Buildbot"), &theirs, &theirs);
        report.samples(&format!("{what}, Muster"), &ours, &theirs);
        let ratio = theirs.median().as_secs_f64() / ours.median().as_secs_f64();
        report.bar(&format!("{what}, Buildbot's time to Muster's"), ratio, Bar::AtLeast(TIMES));
    }
    Ok(())
}

/// So many tests that do nothing, each in an exec of its own.
fn steps(count: usize) -> String {
    format!("[command]\nlist = \"seq -f t%g {count}\"\nrun = \"true {{tests}}\"\nmerge = false\n")
}

fn of_one(short: Duration, long: Duration) -> Duration {
    let steps = u32::try_from(MANY - FEW).unwrap_or(u32::MAX);
    long.saturating_sub(short) / steps
}

async fn buildbot_line(buildbot: &Buildbot, number: u64) -> Result<Duration> {
    let begun = Instant::now();
    let build = buildbot.force("hello").await?;
    buildbot.first_line(&build, number).await?;
    let took = begun.elapsed();
    buildbot.end(build).await?;
    Ok(took)
}

async fn muster_line(muster: &Muster, tree: &str) -> Result<Duration> {
    let begun = Instant::now();
    let build = muster.trigger(tree).await?;
    let piece = muster.follow(build).await?.chunk().await?.context("the log is empty")?;
    let took = begun.elapsed();
    ensure!(piece.starts_with(b"hello\n"), "another line: {piece:?}");
    passed(muster, build).await?;
    Ok(took)
}

async fn buildbot_build(buildbot: &Buildbot, builder: &str) -> Result<Duration> {
    let begun = Instant::now();
    buildbot.end(buildbot.force(builder).await?).await?;
    Ok(begun.elapsed())
}

async fn muster_build(muster: &Muster, tree: &str) -> Result<Duration> {
    let begun = Instant::now();
    let build = muster.trigger(tree).await?;
    passed(muster, build).await?;
    Ok(begun.elapsed())
}

async fn passed(muster: &Muster, build: u64) -> Result<()> {
    let ended = muster.end(build).await?;
    ensure!(ended["outcome"] == "passed", "the build did not pass: {ended}");
    Ok(())
}
