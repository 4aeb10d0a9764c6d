//! The demo as it is: the build with its own progress, certificate and report.

use std::path::Path;

use crate::demo::HELPERS;
use crate::demo::project::Project;
use crate::process;

/// Runs the build, its progress shown by itself.
pub(crate) fn run(binary: &Path, project: &Project) -> anyhow::Result<()> {
    let report = project.outputs.join("report.html");
    let mut command = project.build_command(binary, HELPERS);
    command.arg("--report").arg(&report);
    eprintln!("$ {}", process::display(&command));
    process::run(&mut command)?;
    eprintln!("the report lies at {}", report.display());
    Ok(())
}
