//! Result files of an attempt, brought here.

use std::path::{Path, PathBuf};

use engine::{ExecFailure, ExecFailureKind};
use futures::TryStreamExt as _;
use globset::{Glob, GlobSet, GlobSetBuilder};
use snapshot::archive::{Compression, ExtractOptions, Limits, Symlinks};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{Context, command};
use crate::lease::{Leased, call_failure};

/// All result files of one attempt together.
const RESULT_BYTES: u64 = 1 << 30;

/// How many there may be.
const RESULT_FILES: u64 = 100_000;

/// The result files that match, in order of their names, in a folder that goes when this does.
pub(super) struct Results {
    folder: tempfile::TempDir,
    pub(super) names: Vec<String>,
}

impl Results {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Fetches the attempt's folder and picks the files that match.
pub(super) async fn fetch(
    context: &Context,
    leased: &Leased,
    attempt: &str,
    globs: &[String],
) -> Result<Results, ExecFailure> {
    let other = |what: &str, error: &dyn std::fmt::Display| {
        ExecFailure::new(ExecFailureKind::Other, format!("{what} the result files: {error}"))
    };
    let matcher = glob_set(globs).map_err(|error| other("match", &error))?;
    let folder = tempfile::tempdir().map_err(|error| other("keep", &error))?;
    let compression = if leased.client.extensions().is_some() { Compression::None } else { Compression::Gzip };
    let archive = leased.client.get_archive(&command::attempt_dir(attempt), compression).await;
    let archive = archive.map_err(|failure| call_failure(&failure))?;
    let reader = SyncIoBridge::new(StreamReader::new(archive.map_err(std::io::Error::other)));
    let dest = folder.path().to_owned();
    let limits = Limits { bytes: RESULT_BYTES, entries: RESULT_FILES, ..Limits::default() };
    let options = ExtractOptions { symlinks: Symlinks::Ignore, limits, ..ExtractOptions::default() };
    let unpacked = tokio::task::spawn_blocking(move || {
        snapshot::archive::extract(reader, &dest, &options)?;
        let mut names = Vec::new();
        walk(&dest, Path::new(""), &matcher, &mut names);
        names.sort_unstable();
        Ok::<_, snapshot::ArchiveError>(names)
    });
    let names = match tokio::select! {
        unpacked = unpacked => unpacked,
        () = context.cancel.cancelled() => return Err(super::called_back()),
    } {
        Ok(Ok(names)) => names,
        Ok(Err(error)) => return Err(other("unpack", &error)),
        Err(error) => return Err(other("unpack", &error)),
    };
    Ok(Results { folder, names })
}

fn glob_set(globs: &[String]) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(Glob::new(glob)?);
    }
    builder.build()
}

fn walk(root: &Path, below: &Path, matcher: &GlobSet, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(root.join(below)) else { return };
    for entry in entries.flatten() {
        let path = below.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(root, &path, matcher, names),
            Ok(kind) if kind.is_file() && matcher.is_match(&path) => {
                names.extend(path.to_str().map(str::to_owned));
            }
            Ok(_) | Err(_) => {}
        }
    }
}
