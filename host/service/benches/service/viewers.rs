//! Much log, and none, one or many who read it as it comes, of whom one stands still.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use measure::{Bar, Report};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::muster::Muster;

/// What the make prints: lines of 100 bytes.
const MIB: f64 = 200.0;
const BYTES: u64 = 200 << 20;
const LINE: &[u8; 100] =
    b"a line of a log that somebody reads while it is being written, and that is a hundred bytes long, ok\n";
const MIB_PER_SECOND: f64 = 50.0;
/// What the server may need, whoever reads.
const MOST_MIB: f64 = 512.0;

pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    for viewers in [0, 1, 50] {
        let muster = Muster::start().await?;
        let build = muster.send(&printing())?;
        let stalled = if viewers > 1 { Some(muster.follow(build).await?) } else { None };
        let mut reading = JoinSet::new();
        for _ in 0..viewers {
            reading.spawn(read(muster.follow(build).await?));
        }
        let ended = muster.end(build).await?;
        ensure!(ended["outcome"] == "passed", "the build did not pass: {ended}");
        while let Some(read) = reading.join_next().await {
            read??;
        }
        let peak = muster.peak_mib()?;
        drop(stalled);
        // Whoever comes later sees all of it too.
        read(muster.follow(build).await?).await?;
        let rate = MIB / phase(&ended, "make")?.as_secs_f64();
        report.bar(&format!("MiB of log a second, {viewers} viewers"), rate, Bar::AtLeast(MIB_PER_SECOND));
        report.bar(&format!("MiB of memory at most, {viewers} viewers"), peak, Bar::AtMost(MOST_MIB));
    }
    Ok(())
}

fn printing() -> String {
    let line = String::from_utf8_lossy(LINE);
    let make = format!("yes '{}' | head -c {BYTES}", line.trim_end());
    format!("[command]\nmake = [\"{make}\"]\nlist = \"echo a\"\nrun = \"true {{tests}}\"\n")
}

/// Reads a log to its end: every byte of the make's output is there, once and in order.
async fn read(mut log: reqwest::Response) -> Result<()> {
    let mut at = 0;
    while let Some(piece) = log.chunk().await? {
        for byte in piece {
            if at < BYTES {
                let expected = LINE[usize::try_from(at % LINE.len() as u64)?];
                ensure!(byte == expected, "byte {at} of the log is {byte}, not {expected}");
            }
            at += 1;
        }
    }
    ensure!(at >= BYTES, "the log ends after {at} bytes");
    Ok(())
}

/// How long a phase took.
fn phase(build: &Value, name: &str) -> Result<Duration> {
    let phases = build["phases"].as_array().context("no phases")?;
    let phase = phases.iter().find(|phase| phase["phase"] == name).context("no such phase")?;
    let [began, ended] = [&phase["began_ms"], &phase["ended_ms"]].map(Value::as_u64);
    let took = ended.zip(began).map(|(ended, began)| ended - began).context("the phase is not over")?;
    Ok(Duration::from_millis(took))
}
