//! How long the binary takes to start with its bundled plugins: `muster plugin list`, with their code compiled before
//! and, for information, not.
//!
//! The binary is the one that `MUSTER_BIN` names.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use measure::{Bar, Report, Samples};

/// Starts with a cache; each round has another binary's start, that of `muster version`, for its baseline.
const ROUNDS: usize = 20;
/// Starts without a cache.
const COLD_ROUNDS: usize = 5;
/// A second start takes less.
const START_BAR: Duration = Duration::from_millis(100);

fn main() -> Result<ExitCode> {
    let binary = std::env::var_os("MUSTER_BIN").context("name the binary as MUSTER_BIN")?;
    let [mut bare, mut cold, mut warm] = [(); 3].map(|()| Samples::default());
    for _ in 0..COLD_ROUNDS {
        let home = tempfile::tempdir()?;
        cold.push(start(&binary, &["plugin", "list"], home.path())?);
    }
    let home = tempfile::tempdir()?;
    start(&binary, &["plugin", "list"], home.path())?;
    for _ in 0..ROUNDS {
        bare.push(start(&binary, &["version"], home.path())?);
        warm.push(start(&binary, &["plugin", "list"], home.path())?);
    }
    let mut report = Report::default();
    report.samples("muster version", &bare, &bare);
    report.samples("muster plugin list, first start", &cold, &bare);
    report.samples("muster plugin list, second start", &warm, &bare);
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    report.bar("second start in ms", millis(warm.median()), Bar::Below(millis(START_BAR)));
    Ok(report.end())
}

/// Runs it with its caches and state in this home.
fn start(binary: &OsStr, arguments: &[&str], home: &Path) -> Result<Duration> {
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(home).env("HOME", home);
    for folder in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        command.env(folder, home.join(folder));
    }
    let begun = Instant::now();
    let output = command.output().context("start MUSTER_BIN")?;
    let time = begun.elapsed();
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(arguments != ["plugin", "list"] || !output.stdout.is_empty(), "no plugins are bundled");
    Ok(time)
}
