//! A release in the Python package index, with an environment to test it in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::apt;
use crate::process;
use crate::projects::unpack;

/// What the file in a finished environment is called: it says what the environment was made of.
const EQUIPPED: &str = "equipped";

/// One release.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Release {
    /// Its name in the index.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    /// What its tests need beside it, with exact versions.
    pub(crate) requirements: &'static [&'static str],
    /// What building it takes beside them, kept as files for machines that reach no index.
    pub(crate) wheels: &'static [&'static str],
    /// Whether the environment finds it in the tree by an editable install.
    pub(crate) editable: bool,
}

impl Release {
    /// The unpacked source.
    pub(crate) fn tree(&self, base: &Path) -> PathBuf {
        base.join(format!("{}-{}", self.name, self.version))
    }

    /// The virtual environment.
    pub(crate) fn environment(&self, base: &Path) -> PathBuf {
        base.join(format!("{}-{}-venv", self.name, self.version))
    }

    /// Fetches, unpacks and equips it, each only if that is still to do.
    pub(crate) fn ensure(&self, base: &Path) -> anyhow::Result<()> {
        let python = python()?;
        let tree = self.tree(base);
        if !tree.exists() {
            eprintln!("fetching {} {} from the Python package index", self.name, self.version);
            self.fetch(&python, base).with_context(|| format!("fetch {} {}", self.name, self.version))?;
        }
        let environment = self.environment(base);
        let equipped = environment.join(EQUIPPED);
        let made_of = format!("{self:?}\n");
        if fs::read_to_string(&equipped).ok().as_deref() != Some(&made_of) {
            eprintln!("making an environment for {} with {}", self.name, self.requirements.join(", "));
            self.equip(base).with_context(|| format!("equip {} {}", self.name, self.version))?;
            fs::write(&equipped, made_of).with_context(|| format!("write `{}`", equipped.display()))?;
        }
        Ok(())
    }

    fn fetch(&self, python: &Path, base: &Path) -> anyhow::Result<()> {
        let download = base.join("download");
        let requirement = format!("{}=={}", self.name, self.version);
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", self.name, &requirement, "--dest"];
        process::run(Command::new(python).args(pip).arg(&download))?;
        unpack(&download.join(format!("{}-{}.tar.gz", self.name, self.version)), &self.tree(base))
    }

    fn equip(&self, base: &Path) -> anyhow::Result<()> {
        let environment = self.environment(base);
        equip(&environment, self.requirements)?;
        let pip = |command: &str| {
            let mut pip = Command::new(environment.join("bin/python"));
            pip.args(["-m", "pip", command, "--quiet", "--disable-pip-version-check"]);
            pip
        };
        if self.editable {
            let mut install = pip("install");
            process::run(install.args(["--no-deps", "--no-build-isolation", "--editable"]).arg(self.tree(base)))?;
        }
        let mut wheels = pip("wheel");
        wheels.args(self.requirements).args(self.wheels);
        process::run(wheels.arg("--wheel-dir").arg(base.join("wheels")))
    }
}

/// Makes a virtual environment with these in it.
///
/// # Errors
/// There is no Python, or one of them cannot be had.
pub(crate) fn equip(environment: &Path, requirements: &[&str]) -> anyhow::Result<()> {
    process::run(Command::new(python()?).args(["-m", "venv", "--clear"]).arg(environment))?;
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    process::run(pip.args(requirements))
}

/// A Python that can make virtual environments.
fn python() -> anyhow::Result<PathBuf> {
    if !process::succeeds("python3", &["-c", "import venv, ensurepip"]) {
        apt::ensure(&["python3-venv"])?;
    }
    if !process::succeeds("python3", &["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]) {
        bail!("find Python 3.10 or later, which the published projects need");
    }
    Ok("python3".into())
}
