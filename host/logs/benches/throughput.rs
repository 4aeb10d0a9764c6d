//! 200 MB of log through a writer to 0, 1 and 50 readers, one of them stalled, against writing a plain file.
//!
//! The baseline is what any log costs: the same lines written to a file, and flushed to the disk at its end.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use logs::{LogSettings, LogStore};
use measure::{Bar, Report, Samples};
use snapshot::blob::{BlobOptions, BlobStore};
use tokio::task::JoinSet;

const ROUNDS: u64 = 5;
const LOG_BYTES: usize = 200_000_000;
/// What a connection brings at once.
const APPEND_BYTES: usize = 16 << 10;
const READERS: [usize; 3] = [0, 1, 50];
/// MB/s, whoever reads.
const SPEED_BAR: f64 = 50.0;
/// MiB of the whole process, the 16 KiB pieces included.
const MEMORY_BAR_MIB: f64 = 256.0;
/// Milliseconds over 500,000 lines that nobody has read yet.
const SEARCH_BAR_MS: f64 = 300.0;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let home = tempfile::tempdir()?;
    let text = lines(1_000_000);
    let mut baseline = Samples::default();
    let mut times: [Samples; READERS.len()] = Default::default();
    for round in 0..ROUNDS {
        baseline.push(plain_file(&text, &home.path().join("plain"))?);
        for (readers, times) in READERS.into_iter().zip(&mut times) {
            let logs = open(home.path())?;
            times.push(through(&logs, &text, round, readers).await?);
            logs.remove(round).await?;
        }
    }
    let mut report = Report::default();
    report.samples("a plain file", &baseline, &baseline);
    for (readers, times) in READERS.into_iter().zip(&times) {
        report.samples(&format!("{readers} readers"), times, &baseline);
        let speed = LOG_BYTES as f64 / 1e6 / times.median().as_secs_f64();
        report.bar(&format!("MB/s with {readers} readers"), speed, Bar::AtLeast(SPEED_BAR));
    }
    report.bar("peak memory in MiB", peak_memory_mib()?, Bar::Below(MEMORY_BAR_MIB));
    search(home.path(), &mut report).await?;
    Ok(report.end())
}

fn open(home: &Path) -> Result<LogStore> {
    let blobs = BlobStore::open(&home.join("blobs").to_string_lossy(), &BlobOptions::default())?;
    Ok(LogStore::new(blobs, LogSettings::default()))
}

/// So many bytes of lines like those of a test run.
fn lines(bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 100);
    for number in 0_u64.. {
        if text.len() >= bytes {
            break;
        }
        let took = number.wrapping_mul(2_654_435_761) % 99_991;
        let line = format!("tests/unit/test_{}.py::TestCase::test_{number} PASSED in {took} us\n", number % 97);
        text.extend_from_slice(line.as_bytes());
    }
    text.truncate(bytes);
    text
}

/// The log in the pieces in which it is appended.
fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.chunks(APPEND_BYTES).cycle().scan(LOG_BYTES, |left, piece| {
        let piece = &piece[..piece.len().min(*left)];
        *left -= piece.len();
        (!piece.is_empty()).then_some(piece)
    })
}

fn plain_file(text: &[u8], path: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let mut file = BufWriter::new(File::create(path)?);
    for piece in pieces(text) {
        file.write_all(piece)?;
    }
    file.into_inner()?.sync_all()?;
    Ok(begun.elapsed())
}

/// Until the last byte is durable, and every reader but the stalled one has it.
async fn through(logs: &LogStore, text: &[u8], build: u64, readers: usize) -> Result<Duration> {
    let begun = Instant::now();
    let mut writer = logs.writer(build, "log").await?;
    let mut stalled = (readers > 1).then(|| Box::pin(logs.follow(build, "log", 0)));
    let mut reading = JoinSet::new();
    for _ in 0..readers - usize::from(stalled.is_some()) {
        let follow = logs.follow(build, "log", 0);
        reading.spawn(async move {
            let mut bytes = 0;
            let mut follow = std::pin::pin!(follow);
            while let Some(piece) = follow.next().await {
                bytes += piece?.len();
            }
            Ok::<_, logs::LogError>(bytes)
        });
    }
    for (number, piece) in pieces(text).enumerate() {
        writer.append(piece).await?;
        if number == 0
            && let Some(stalled) = &mut stalled
        {
            stalled.next().await.context("a first piece")??;
        }
    }
    writer.finish().await?;
    for bytes in reading.join_all().await {
        ensure!(bytes? == LOG_BYTES, "a reader lost bytes");
    }
    Ok(begun.elapsed())
}

async fn search(home: &Path, report: &mut Report) -> Result<()> {
    let text: Vec<u8> = (0..500_000).flat_map(|n| format!("line {n} of a log that is read\n").into_bytes()).collect();
    let mut writer = open(home)?.writer(1_000, "log").await?;
    writer.append(&text).await?;
    writer.finish().await?;
    let mut times = Samples::default();
    for _ in 0..ROUNDS {
        let logs = open(home)?;
        let begun = Instant::now();
        let found = logs.search(1_000, "log", "line 499999 ", 1, 10).await?;
        times.push(begun.elapsed());
        ensure!(found.len() == 1 && found[0].line == 500_000, "the last line is found");
    }
    report.bar("ms to search 500,000 lines", times.median().as_secs_f64() * 1e3, Bar::Below(SEARCH_BAR_MS));
    Ok(())
}

/// The largest resident set this process ever had, as Linux counts it.
fn peak_memory_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("there is no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
