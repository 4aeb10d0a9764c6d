//! Packs a folder and prints what it cost: `cargo run -p snapshot --example pack --release -- DIR OUT tar|gzip|zstd`.
//!
//! One line on standard output: `bytes_in=… bytes_out=… seconds=… peak_rss_kib=…`.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    time::Instant,
};

use anyhow::Context as _;
use snapshot::archive::{Compression, PackOptions, pack};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, output, compression] = &arguments[..] else {
        anyhow::bail!("usage: pack DIR OUT tar|gzip|zstd");
    };
    let compression = match compression.as_str() {
        "tar" => Compression::None,
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        other => anyhow::bail!("`{other}` is none of tar, gzip, zstd"),
    };
    let start = Instant::now();
    let output = BufWriter::new(File::create(output)?);
    let packed = pack(Path::new(folder), output, &PackOptions::new(compression))?;
    writeln!(
        std::io::stdout(),
        "bytes_in={} bytes_out={} seconds={:.3} peak_rss_kib={}",
        packed.bytes,
        packed.written,
        start.elapsed().as_secs_f64(),
        peak_rss_kib()?
    )?;
    Ok(())
}

/// The largest resident set this process ever had, in KiB, as Linux counts it.
fn peak_rss_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("there is no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
