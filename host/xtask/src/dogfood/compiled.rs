//! What cargo compiled of packages that are not this repository's own.
//!
//! Only that: cargo takes a crate of this repository that lies elsewhere for the same and would not compile it again,
//! and its binaries would name, and read, the tree they were compiled in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::chores::test;
use crate::process;
use crate::repository::Repository;

/// Where cargo keeps what it compiled, below the folder of a profile.
const FOLDERS: [&str; 3] = ["deps", "build", ".fingerprint"];
/// Packages of the workspace are known by their folder.
const OWN: &str = "path+";
/// Cargo's hash of a unit ends the name of each of its files and folders.
const HASH_DIGITS: usize = 16;

/// What was compiled in the debug profile.
pub(crate) struct Compiled {
    profile: PathBuf,
    hashes: BTreeSet<String>,
}

impl Compiled {
    /// Compiles the binary and all tests, and notes what that took.
    pub(crate) fn build(repository: &Repository) -> anyhow::Result<Compiled> {
        let mut command = test::build_command(repository);
        command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
        let build = command.spawn().with_context(|| format!("run `{}`", process::display(&command)))?;
        let output = build.wait_with_output().context("read what cargo says")?;
        if !output.status.success() {
            bail!("run `{}`: it ended with {}", process::display(&command), output.status);
        }
        let binary = repository.binary("debug");
        let profile = binary.parent().unwrap_or(&binary).to_owned();
        let messages = String::from_utf8_lossy(&output.stdout);
        let hashes = messages.lines().flat_map(|message| hashes(message, &profile)).collect();
        Ok(Compiled { profile, hashes })
    }

    /// The files and folders of these units.
    pub(crate) fn parts(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut parts = Vec::new();
        for folder in FOLDERS {
            let folder = self.profile.join(folder);
            for entry in fs::read_dir(&folder).with_context(|| format!("read `{}`", folder.display()))? {
                let path = entry.with_context(|| format!("read `{}`", folder.display()))?.path();
                if hash(&path).is_some_and(|hash| self.hashes.contains(hash)) {
                    parts.push(path);
                }
            }
        }
        Ok(parts)
    }

    /// Where such a part lies in a folder of cargo's outputs.
    pub(crate) fn below_target<'a>(&self, part: &'a Path) -> &'a Path {
        let target = self.profile.parent().unwrap_or(&self.profile);
        part.strip_prefix(target).unwrap_or(part)
    }
}

/// The units of one message of cargo's, unless they are of this repository.
fn hashes(message: &str, profile: &Path) -> BTreeSet<String> {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    if message["package_id"].as_str().is_none_or(|package| package.starts_with(OWN)) {
        return BTreeSet::new();
    }
    let files = message["filenames"].as_array().into_iter().flatten().chain([&message["out_dir"]]);
    let paths = files.filter_map(Value::as_str).filter_map(|file| Path::new(file).strip_prefix(profile).ok());
    paths.flat_map(|path| path.ancestors().filter_map(hash)).map(str::to_owned).collect()
}

/// The hash in the name of a file or folder.
fn hash(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let (_, hash) = stem.rsplit_once('-')?;
    (hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hash)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::hashes;

    const LIBRARY: &str = r#"{"reason":"compiler-artifact","package_id":"registry+https://example.org/index#memchr@2.8.3","filenames":["/r/target/debug/deps/libmemchr-0f1e2d3c4b5a6978.rlib","/r/target/debug/deps/libmemchr-0f1e2d3c4b5a6978.rmeta"]}"#;
    const SCRIPT: &str = r#"{"reason":"build-script-executed","package_id":"registry+https://example.org/index#libc@0.2.191","out_dir":"/r/target/debug/build/libc-00112233445566aa/out"}"#;
    const OWN: &str = r#"{"reason":"compiler-artifact","package_id":"path+file:///r/host/engine#0.0.0","filenames":["/r/target/debug/deps/libengine-0123456789abcdef.rlib"]}"#;

    fn found(message: &str) -> Vec<String> {
        hashes(message, Path::new("/r/target/debug")).into_iter().collect()
    }

    #[test]
    fn units_of_others_are_known_by_their_hashes() {
        assert_eq!(found(LIBRARY), ["0f1e2d3c4b5a6978"]);
        assert_eq!(found(SCRIPT), ["00112233445566aa"]);
    }

    #[test]
    fn what_is_this_repositorys_is_compiled_anew() {
        assert_eq!(found(OWN), [""; 0]);
        assert_eq!(found(r#"{"reason":"build-finished","success":true}"#), [""; 0]);
    }
}
