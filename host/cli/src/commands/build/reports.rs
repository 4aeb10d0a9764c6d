//! The files at the end of a build.

use anyhow::Context;
use report::{html, junit};

use crate::args::BuildArgs;
use crate::commands::whole::whole;
use crate::view::BuildReport;

/// Writes the files that were asked for.
///
/// # Errors
/// The first that could not be written, after the others were tried.
pub(super) fn write(args: &BuildArgs, build: &BuildReport) -> anyhow::Result<()> {
    let junit = args.written.junit.as_deref().map_or(Ok(()), |path| {
        whole(path, |out| junit::write(build, out))
            .with_context(|| format!("failed to write JUnit XML to `{}`", path.display()))
    });
    let html = args.written.report.as_deref().map_or(Ok(()), |path| {
        whole(path, |out| html::write(build, out))
            .with_context(|| format!("failed to write the report to `{}`", path.display()))
    });
    junit.and(html)
}
