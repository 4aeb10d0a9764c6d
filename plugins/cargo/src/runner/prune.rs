//! What of `target` is needed to run the tests: the rest is removed before the snapshot.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::folders::{self, OWN, UNITS};

/// Folders of a profile that only compiling needs.
const COMPILING: [&str; 2] = ["incremental", ".fingerprint"];
/// What of a build script is needed to run tests: what it made, and what it told cargo.
const OF_BUILD_SCRIPTS: [&str; 3] = ["out", "output", "root-output"];
/// Kinds of files that only compiling needs.
const EXTENSIONS: [&str; 4] = ["d", "rmeta", "o", "a"];

/// Removes what no test needs.
pub(crate) fn prune() -> Result<i32> {
    let tree = folders::tree()?;
    let mut doc = false;
    for unit in folders::files(&tree.join(OWN).join(UNITS))? {
        doc |= folders::read(&unit)?.starts_with("kind doc\n");
    }
    for profile in profiles(&tree.join("target"))? {
        prune_profile(&profile, doc)?;
    }
    Ok(0)
}

fn prune_profile(profile: &Path, keep_libraries: bool) -> Result<()> {
    for name in COMPILING {
        remove(&profile.join(name))?;
    }
    for package in folders::files(&profile.join("build"))? {
        for file in folders::files(&package)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !OF_BUILD_SCRIPTS.contains(&name.as_str()) {
                remove(&file)?;
            }
        }
    }
    let mut kept = BTreeSet::new();
    for folder in ["", "examples", "deps"] {
        let mut files = folders::files(&profile.join(folder))?;
        // The name without a hash is the one that tests know: it is met first.
        files.sort_by_key(|file| file.as_os_str().len());
        for file in files {
            let about = about(&file)?;
            let is_needed = match extension(&file) {
                "rlib" => keep_libraries && folder == "deps",
                other => !EXTENSIONS.contains(&other),
            };
            // Cargo links a program to a second name.
            let is_twin = kept.contains(&about.ino()) && extension(&file) != "so";
            if about.is_file() && (!is_needed || is_twin) {
                remove(&file)?;
            } else {
                kept.insert(about.ino());
            }
        }
    }
    Ok(())
}

/// Folders of profiles, of the machine's own target and of others: those with `deps` in them.
pub(crate) fn profiles(target: &Path) -> Result<Vec<PathBuf>> {
    let mut profiles = Vec::new();
    for folder in folders::files(target)? {
        let inner = folders::files(&folder)?;
        for folder in std::iter::once(folder).chain(inner) {
            if folder.join("deps").is_dir() {
                profiles.push(folder);
            }
        }
    }
    Ok(profiles)
}

/// All test binaries.
pub(crate) fn programs(target: &Path) -> Result<Vec<PathBuf>> {
    let mut programs = Vec::new();
    for profile in profiles(target)? {
        programs.extend(executables(&profile.join("deps"))?);
    }
    Ok(programs)
}

/// What a profile's test binaries may start or load.
pub(crate) fn companions(profile: &Path) -> Result<Vec<PathBuf>> {
    let mut companions = executables(profile)?;
    companions.extend(executables(&profile.join("examples"))?);
    companions.extend(folders::files(&profile.join("deps"))?.into_iter().filter(|file| extension(file) == "so"));
    Ok(companions)
}

fn executables(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut executables = Vec::new();
    for file in folders::files(folder)? {
        let about = about(&file)?;
        if about.is_file() && about.permissions().mode() & 0o100 != 0 {
            executables.push(file);
        }
    }
    Ok(executables)
}

fn about(file: &Path) -> Result<Metadata> {
    fs::symlink_metadata(file).map_err(|error| format!("look at `{}`: {}", file.display(), error))
}

fn extension(file: &Path) -> &str {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(|error| format!("remove `{}`: {}", path.display(), error))
}
