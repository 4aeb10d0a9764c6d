//! Published projects: written by others and fetched as their authors released them, for the demo, the tests and the
//! benches.
//!
//! They lie outside of the repository, which would take such a tree for one of its own ignored folders. Each is fetched,
//! unpacked and equipped once.

mod debian;
mod python;
mod rust;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::args::Extent;
use crate::process;

pub(crate) use python::{Release, equip};

/// What the demo builds: 4,700 tests, about two minutes of one processor; it has no dependencies itself. A bench holds
/// Muster against pytest's own way to use several processors.
pub(crate) const NETWORKX: Release = Release {
    name: "networkx",
    version: "3.4.2",
    requirements: &["pytest==8.3.5", "pytest-xdist==3.6.1"],
    wheels: &[],
    editable: false,
};

/// What the tests build with the pytest builder.
const PYTHON: [Release; 3] = [
    // Fixtures shared by modules, and a collector of its own for 4,000 files that are no Python.
    Release {
        name: "pygments",
        version: "2.18.0",
        requirements: &["pytest==8.3.5", "setuptools==75.1.0", "wcag-contrast-ratio==0.9"],
        wheels: &["editables==0.5", "hatchling==1.25.0"],
        editable: false,
    },
    // A compiled extension, and fixtures shared by the whole session.
    Release {
        name: "multidict",
        version: "6.1.0",
        requirements: &["pytest==8.3.5", "pytest-cov==5.0.0", "setuptools==75.1.0", "wheel==0.44.0"],
        wheels: &[],
        editable: true,
    },
    // Installed in editable form; its tests read data and run commands of the package.
    Release {
        name: "babel",
        version: "2.16.0",
        requirements: &[
            "pytest==8.3.5",
            "freezegun==1.5.1",
            "pytz==2024.2",
            "setuptools==75.1.0",
            "tzdata==2024.2",
            "wheel==0.44.0",
        ],
        wheels: &[],
        editable: true,
    },
];
/// What the tests build with the command builder: a Debian source package.
const DEBIAN: &str = "libtype-tiny-perl";
/// What the tests build with the go builder: a Debian package that installs the source of a module without dependencies,
/// and where.
const GO: (&str, &str) = ("golang-golang-x-text-dev", "usr/share/gocode/src/golang.org/x/text");

/// Gets what tests of this extent build, and in full what benches do; the answer is the folder they lie in.
pub(crate) fn ensure(extent: Extent) -> anyhow::Result<PathBuf> {
    let base = folder()?;
    for release in &PYTHON {
        release.ensure(&base)?;
    }
    debian::ensure(&base, DEBIAN)?;
    rust::NUM.ensure(&base)?;
    if extent == Extent::Full {
        rust::TOML.ensure(&base)?;
        rust::CROSSBEAM.ensure(&base)?;
        debian::ensure_part(&base, GO.0, GO.1)?;
        NETWORKX.ensure(&base)?;
    }
    Ok(base)
}

/// Where they lie.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let folder = cache_dir()?.join("muster-projects");
    fs::create_dir_all(&folder).with_context(|| format!("create `{}`", folder.display()))?;
    Ok(folder)
}

fn cache_dir() -> anyhow::Result<PathBuf> {
    let by_home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let by_variable = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    by_variable.or_else(by_home).context("find a folder for caches: neither XDG_CACHE_HOME nor HOME is set")
}

/// Unpacks an archive with one folder at its top: elsewhere and then renamed, so that a tree which is there is whole.
fn unpack(archive: &Path, tree: &Path) -> anyhow::Result<()> {
    let partial = tree.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove `{}`", partial.display()))?;
    }
    fs::create_dir_all(&partial).with_context(|| format!("create `{}`", partial.display()))?;
    let mut tar = Command::new("tar");
    process::run(tar.arg("-xf").arg(archive).arg("--strip-components=1").arg("-C").arg(&partial))?;
    fs::rename(&partial, tree).with_context(|| format!("unpack `{}`", archive.display()))
}
