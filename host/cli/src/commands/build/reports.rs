//! The files at the end of a build. Each is whole or not there: it is written beside its place and then moved.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use anyhow::Context;

use crate::args::BuildArgs;
use crate::view::BuildReport;
use crate::{junit, report};

/// Writes the files that were asked for.
///
/// # Errors
/// The first that could not be written, after the others were tried.
pub(super) fn write(args: &BuildArgs, build: &BuildReport) -> anyhow::Result<()> {
    let junit = args.junit.as_deref().map_or(Ok(()), |path| {
        whole(path, |out| junit::write(build, out))
            .with_context(|| format!("failed to write JUnit XML to `{}`", path.display()))
    });
    let html = args.report.as_deref().map_or(Ok(()), |path| {
        whole(path, |out| report::write(build, out))
            .with_context(|| format!("failed to write the report to `{}`", path.display()))
    });
    junit.and(html)
}

fn whole(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    // A device or a pipe cannot be replaced, only written to.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return write(&mut BufWriter::new(&File::create(path)?));
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".muster-").permissions(readable()).tempfile_in(folder)?;
    write(&mut BufWriter::new(file.as_file()))?;
    file.persist(path)?;
    Ok(())
}

/// As other programs make files: temporary files are for their owner alone.
fn readable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}
