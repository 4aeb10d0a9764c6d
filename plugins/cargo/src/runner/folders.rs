//! What lies where in `target/muster`, and small things to do with files.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// Below the tree.
pub(crate) const OWN: &str = "target/muster";
/// The tree's folder when it was compiled.
pub(crate) const TREE: &str = "tree";
/// What cargo said of the artifacts, where there is no nextest.
pub(crate) const ARTIFACTS: &str = "artifacts.json";
/// What nextest and cargo said of the binaries and packages.
pub(crate) const BINARIES: &str = "binaries.json";
pub(crate) const METADATA: &str = "metadata.json";
/// The environment before cargo added to it.
pub(crate) const OUTER: &str = "outer";
/// A file for each test binary and each crate with documentation tests.
pub(crate) const UNITS: &str = "units";
/// An empty file for each binary compiled with the standard harness.
pub(crate) const HARNESS: &str = "harness";
/// For each file that holds the tree's path: which one it holds now.
pub(crate) const AT: &str = "at";

/// The folder of the tree, which is where every command starts.
pub(crate) fn tree() -> Result<PathBuf> {
    env::current_dir().map_err(|error| format!("find the current folder: {}", error))
}

/// This program's own folder: it lies in it, whatever name it is called by and wherever cargo starts it.
pub(crate) fn own() -> Result<PathBuf> {
    let program = env::current_exe().map_err(|error| format!("find this program: {}", error))?;
    program.parent().map(Path::to_owned).ok_or_else(|| "find the folder of this program".to_owned())
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("read `{}`: {}", path.display(), error))
}

pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).map_err(|error| format!("write `{}`: {}", path.display(), error))
}

/// Makes a folder anew.
pub(crate) fn renew(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(|error| format!("remove `{}`: {}", path.display(), error))?;
    }
    fs::create_dir_all(path).map_err(|error| format!("make `{}`: {}", path.display(), error))
}

/// The files of a folder, by name; none where there is no folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(_) => return Ok(Vec::new()),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("read `{}`: {}", folder.display(), error))?;
        files.push(entry.path());
    }
    files.sort();
    Ok(files)
}
