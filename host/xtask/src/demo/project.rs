//! The project that the demo builds: published by others, fetched as its authors released it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::apt;
use crate::process;

/// Its name in the Python package index.
const NAME: &str = "networkx";
/// A release with 4,700 tests, about two minutes of one processor.
const VERSION: &str = "3.4.2";
/// What its tests need; it has no dependencies itself.
const REQUIREMENTS: [&str; 1] = ["pytest==8.3.5"];

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
    ///
    /// It lies outside of the repository, which would take the tree for one of its own ignored folders.
    pub(crate) fn fetch() -> anyhow::Result<Self> {
        let base = cache_dir()?.join("muster-demo");
        let release = format!("{NAME}-{VERSION}");
        let project = Self {
            tree: base.join(&release),
            environment: base.join(format!("{release}-venv")),
            outputs: base.join("out"),
        };
        fs::create_dir_all(&project.outputs).with_context(|| format!("create `{}`", project.outputs.display()))?;
        let python = python()?;
        if !project.tree.exists() {
            eprintln!("fetching {release} from the Python package index");
            unpack(&python, &base, &release)?;
        }
        let is_equipped = project.environment.join("equipped");
        if !is_equipped.exists() {
            eprintln!("making an environment with {}", REQUIREMENTS.join(", "));
            equip(&python, &project.environment)?;
            fs::write(&is_equipped, "").with_context(|| format!("write `{}`", is_equipped.display()))?;
        }
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

fn cache_dir() -> anyhow::Result<PathBuf> {
    let by_home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let by_variable = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    by_variable.or_else(by_home).context("find a folder for caches: neither XDG_CACHE_HOME nor HOME is set")
}

/// A Python that can make virtual environments.
fn python() -> anyhow::Result<PathBuf> {
    if !process::succeeds("python3", &["-c", "import venv, ensurepip"]) {
        apt::ensure(&["python3-venv"])?;
    }
    if !process::succeeds("python3", &["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]) {
        bail!("find Python 3.10 or later, which {NAME} {VERSION} needs");
    }
    Ok("python3".into())
}

fn unpack(python: &Path, base: &Path, release: &str) -> anyhow::Result<()> {
    let download = base.join("download");
    let requirement = format!("{NAME}=={VERSION}");
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", NAME, &requirement, "--dest"];
    process::run(Command::new(python).args(pip).arg(&download))?;
    // Unpacked elsewhere and renamed, so that a tree which is there is whole.
    let partial = base.join("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove `{}`", partial.display()))?;
    }
    fs::create_dir_all(&partial).with_context(|| format!("create `{}`", partial.display()))?;
    let archive = download.join(format!("{release}.tar.gz"));
    process::run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&partial))?;
    fs::rename(partial.join(release), base.join(release)).with_context(|| format!("unpack `{}`", archive.display()))
}

fn equip(python: &Path, environment: &Path) -> anyhow::Result<()> {
    process::run(Command::new(python).args(["-m", "venv", "--clear"]).arg(environment))?;
    let pip = environment.join("bin/pip");
    process::run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(REQUIREMENTS))
}
