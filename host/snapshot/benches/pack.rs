//! A tree of 1 GiB of `/usr` packed as a snapshot is, against `tar | gzip -6` and `tar | zstd -3`, with two cores each.
//!
//! Each pack is a process of its own, this program started again, so that its peak memory is that of packing alone.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use measure::{Bar, Report, Samples};
use snapshot::archive::{Compression, PackOptions, pack};

const ROUNDS: usize = 5;
/// Bytes of files that are packed, unless `/usr` has fewer.
const TREE_BYTES: u64 = 1 << 30;
/// Cores for our own compression; `tar | gzip` is two processes.
const CORES: &str = "0,1";
const THREADS: NonZeroUsize = NonZeroUsize::new(2).expect("it is not 0");
/// As fast as `tar | gzip` so many times, in so much of its size, with so many MiB.
const SPEED_BAR: f64 = 1.6;
const SIZE_BAR: f64 = 1.05;
const MEMORY_BAR_MIB: f64 = 64.0;

/// One way to pack: its times, and the size of what came out.
struct Subject {
    name: &'static str,
    /// What a shell runs in the tree's folder, writing to `$OUT`; `$SELF` is this program.
    script: &'static str,
    times: Samples,
    bytes: u64,
}

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [format, folder, output] = &arguments[..] {
        pack_one(format, Path::new(folder), Path::new(output))?;
        return Ok(ExitCode::SUCCESS);
    }
    let home = tempfile::tempdir()?;
    let tree = home.path().join("usr");
    let mut left = TREE_BYTES;
    copy(Path::new("/usr"), &tree, &mut left)?;
    let mut subjects = [
        ("tar | gzip -6", r#"tar -cf - . | gzip -6 > "$OUT""#),
        ("tar | zstd -3", r#"tar -cf - . | zstd -3 -q > "$OUT""#),
        ("snapshot, gzip", r#""$SELF" gzip . "$OUT""#),
        ("snapshot, zstd", r#""$SELF" zstd . "$OUT""#),
    ]
    .map(|(name, script)| Subject { name, script, times: Samples::default(), bytes: 0 });
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            subject.run(&tree, &home.path().join("out"))?;
        }
    }
    let memory = fs::read_to_string(home.path().join("out.memory"))?;
    let [gzip, _, ours, _] = &subjects;
    let mut report = Report::default();
    report.note(&format!("{} MiB of /usr", (TREE_BYTES - left) >> 20));
    for subject in &subjects {
        report.samples(subject.name, &subject.times, &gzip.times);
        report.note(&format!("{}: {} MiB", subject.name, subject.bytes >> 20));
    }
    let speed = gzip.times.median().as_secs_f64() / ours.times.median().as_secs_f64();
    report.bar("times as fast as tar | gzip", speed, Bar::AtLeast(SPEED_BAR));
    report.bar("its size", ours.bytes as f64 / gzip.bytes as f64, Bar::AtMost(SIZE_BAR));
    let highest = memory.lines().map(str::parse).collect::<Result<Vec<u64>, _>>()?.into_iter().max();
    let highest = highest.context("no pack told its peak memory")?;
    report.bar("peak memory in MiB", highest as f64 / 1024.0, Bar::Below(MEMORY_BAR_MIB));
    Ok(report.end())
}

impl Subject {
    fn run(&mut self, tree: &Path, output: &Path) -> Result<()> {
        let mut command = Command::new("taskset");
        command.args(["-c", CORES, "bash", "-euo", "pipefail", "-c", self.script]);
        command.current_dir(tree).env("OUT", output).env("SELF", std::env::current_exe()?);
        let begun = Instant::now();
        let status = command.status().context("run taskset")?;
        let time: Duration = begun.elapsed();
        ensure!(status.success(), "{} failed: {status}", self.name);
        self.times.push(time);
        self.bytes = fs::metadata(output)?.len();
        Ok(())
    }
}

/// Packs, and adds its peak memory as a line to the file beside the output.
fn pack_one(format: &str, folder: &Path, output: &Path) -> Result<()> {
    let compression = match format {
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        other => bail!("`{other}` is neither gzip nor zstd"),
    };
    let options = PackOptions { threads: Some(THREADS), ..PackOptions::new(compression) };
    pack(folder, BufWriter::new(File::create(output)?), &options)?;
    let mut memory = File::options().append(true).create(true).open(output.with_extension("memory"))?;
    writeln!(memory, "{}", peak_memory_kib()?)?;
    Ok(())
}

/// The largest resident set this process ever had, as Linux counts it.
fn peak_memory_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("there is no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Copies regular files in the order of their names until so many bytes are there.
fn copy(from: &Path, to: &Path, left: &mut u64) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut entries = fs::read_dir(from)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if kind.is_dir() && name != OsStr::new("local") && *left > 0 {
            copy(&entry.path(), &to.join(&name), left)?;
        } else if kind.is_file() && entry.metadata()?.len() <= *left {
            *left -= fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
