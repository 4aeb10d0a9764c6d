//! The project that the demo builds: published by others, fetched as its authors released it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::projects::{self, NETWORKX};

/// The unpacked project with an environment to test it in.
pub(crate) struct Project {
    /// The source tree.
    pub(crate) tree: PathBuf,
    /// The virtual environment.
    pub(crate) environment: PathBuf,
    /// Where the build's state and reports go.
    pub(crate) outputs: PathBuf,
}

impl Project {
    /// Fetches, unpacks and equips it, each only if that is still to do.
    pub(crate) fn fetch() -> anyhow::Result<Self> {
        let base = projects::folder()?;
        let project = Self {
            tree: NETWORKX.tree(&base),
            environment: NETWORKX.environment(&base),
            outputs: base.join("demo-out"),
        };
        fs::create_dir_all(&project.outputs).with_context(|| format!("create `{}`", project.outputs.display()))?;
        NETWORKX.ensure(&base)?;
        Ok(project)
    }

    /// `muster build` of this project.
    pub(crate) fn build_command(&self, binary: &Path, helpers: &str) -> Command {
        let mut command = Command::new(binary);
        command.arg("build").arg(&self.tree).args(["--helpers", helpers]);
        command.arg("--state").arg(self.outputs.join("state"));
        command.env("VIRTUAL_ENV", &self.environment);
        command
    }
}
