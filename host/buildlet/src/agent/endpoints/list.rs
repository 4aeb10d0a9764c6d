//! `/ls`: what lies in a directory.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha1::Digest as _;

use super::{
    super::{
        bridge::{BlockingWriter, channel},
        http1::Exchange,
        paths,
        refusal::{Fail, Refusal, go_text},
        state::AgentState,
    },
    files::inside,
    plain::require,
};
use crate::protocol::{mode_text, rfc3339};

/// Directories nested deeper than this are not listed: `PATH_MAX` allows no more.
const MAX_DEPTH: usize = 2048;

pub(crate) async fn list(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "GET")?;
    let query = &exchange.head.query;
    let relative = match query.get("dir") {
        None | Some(b"") => Some(PathBuf::from(".")),
        Some(dir) => paths::relative(dir),
    };
    let relative = relative.ok_or_else(|| Refusal::bad_request("bogus dir"))?;
    let base = inside(state, &relative, "bogus dir")?;
    let (sender, mut pieces) = channel();
    let mut listing = Listing {
        recursive: query.flag("recursive"),
        digest: query.flag("digest"),
        skip: query.all("skip").map(<[u8]>::to_vec).collect(),
        writer: BlockingWriter::new(sender),
        base: base.clone(),
    };
    let task = tokio::task::spawn_blocking(move || {
        listing.directory(&base, 0)?;
        listing.writer.flush()
    });
    let Some(first) = pieces.recv().await else {
        let walked = task.await.map_err(io::Error::other)?;
        walked.map_err(|error| Refusal::new(500, format!("Walk error: {}", go_text(&error))))?;
        return Ok(exchange.text("").await?);
    };
    let (mut writer, _) = exchange.stream(&[("Content-Type", "text/plain; charset=utf-8")]).await?;
    let mut next = Some(first);
    while let Some(piece) = next {
        tokio::time::timeout(state.config.limits.stall, writer.chunk(&piece?))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        next = pieces.recv().await;
    }
    task.await.map_err(io::Error::other)??;
    Ok(writer.finish(&[]).await?)
}

struct Listing {
    recursive: bool,
    digest: bool,
    skip: Vec<Vec<u8>>,
    writer: BlockingWriter,
    base: PathBuf,
}

impl Listing {
    /// Lists in the order of names, each directory before its content.
    fn directory(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other("too many directories in each other"));
        }
        let mut entries = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort_unstable();
        entries.iter().try_for_each(|entry| self.entry(entry, depth))
    }

    fn entry(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        let found = path.symlink_metadata()?;
        let relative = path.strip_prefix(&self.base).map_err(io::Error::other)?.as_os_str().as_bytes().to_vec();
        if found.is_dir() && self.skip.contains(&relative) {
            return Ok(());
        }
        let mut line = mode_text(found.mode()).into_bytes();
        line.push(b'\t');
        line.extend_from_slice(&relative);
        if found.is_dir() {
            line.push(b'/');
        } else if found.is_file() {
            let mut rest = format!("\t{}\t{}", found.len(), rfc3339(found.mtime()));
            if self.digest {
                let mut hasher = sha1::Sha1::new();
                io::copy(&mut File::open(path)?, &mut hasher)?;
                write!(rest, "\t{}", hex::encode(hasher.finalize())).map_err(io::Error::other)?;
            }
            line.extend_from_slice(rest.as_bytes());
        }
        line.push(b'\n');
        self.writer.write_all(&line)?;
        if found.is_dir() && self.recursive { self.directory(path, depth + 1) } else { Ok(()) }
    }
}
