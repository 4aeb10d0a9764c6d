//! One `muster build`: how long its tests took, and where that time went.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// How a build went.
pub(crate) struct Build {
    /// From the first exec of tests to the last verdict.
    pub(crate) tests: Duration,
    /// Where the time went, a line for each of its parts.
    pub(crate) certificate: Vec<String>,
}

impl Build {
    /// Runs `muster build`, as this command says, to its end.
    pub(crate) fn run(command: &mut Command) -> Result<Build> {
        let output = command.arg("--json").output().context("start MUSTER_BIN")?;
        ensure!(output.status.success(), "muster build: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).context("read the events")?;
        let events = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        let mut begun = None;
        let mut ended = None;
        let mut certificate = Vec::new();
        for event in &events {
            match event["event"].as_str() {
                Some("attempt-started") => begun = begun.or(event["time_s"].as_f64()),
                Some("test") => ended = event["time_s"].as_f64(),
                Some("done") => certificate = lines(&event["certificate"]),
                Some(_) | None => {}
            }
        }
        let seconds = ended.zip(begun).map(|(ended, begun)| ended - begun).context("no test was run")?;
        Ok(Build { tests: Duration::try_from_secs_f64(seconds)?, certificate })
    }
}

/// The certificate, a line for each of its parts.
fn lines(certificate: &Value) -> Vec<String> {
    let seconds = |value: &Value| value.as_f64().unwrap_or_default();
    let (took, bound) = (seconds(&certificate["took_s"]), seconds(&certificate["lower_bound_s"]));
    let differences = certificate["differences"].as_array().into_iter().flatten();
    let parts = differences.map(|part| {
        let (label, text) = (part["label"].as_str().unwrap_or_default(), part["text"].as_str().unwrap_or_default());
        format!("  {label} {:.1} s: {text}", seconds(&part["time_s"]))
    });
    std::iter::once(format!("certificate: took {took:.1} s, lower bound {bound:.1} s")).chain(parts).collect()
}
