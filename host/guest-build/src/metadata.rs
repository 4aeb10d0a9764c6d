//! Which packages of a guest workspace are plugins, as cargo tells it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::environment::cargo_command;
use crate::error::BuildError;

/// The plugins under a folder.
pub(crate) struct Guests {
    /// Packages that compile to a module, in order of name.
    pub(crate) packages: Vec<Package>,
    /// Where cargo builds when it is not told otherwise.
    pub(crate) target_directory: PathBuf,
    /// The manifest that holds the profiles.
    pub(crate) workspace_manifest: PathBuf,
}

/// A package as `cargo metadata` describes it.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    manifest_path: PathBuf,
    targets: Vec<CrateTarget>,
}

#[derive(Deserialize)]
struct CrateTarget {
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Guests {
    /// Reads the plugins whose manifest is in `dir` or below.
    pub(crate) fn read(dir: &Path) -> Result<Self, BuildError> {
        if !dir.join("Cargo.toml").is_file() {
            return Err(BuildError::NoManifest { dir: dir.into() });
        }
        let exec_error = |source| BuildError::Exec { dir: dir.into(), source };
        let canonical_dir = dir.canonicalize().map_err(exec_error)?;
        let output =
            cargo_command(dir).args(["metadata", "--format-version=1", "--no-deps"]).output().map_err(exec_error)?;
        if !output.status.success() {
            return Err(BuildError::Cargo {
                dir: dir.into(),
                status: output.status,
                detail: format!(": {}", String::from_utf8_lossy(&output.stderr).trim()),
            });
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).map_err(|source| BuildError::Answer { dir: dir.into(), source })?;
        let mut packages: Vec<Package> = metadata
            .packages
            .into_iter()
            .filter(|package| package.manifest_path.starts_with(&canonical_dir))
            .filter(Package::is_plugin)
            .collect();
        if packages.is_empty() {
            return Err(BuildError::NoGuest { dir: dir.into() });
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            packages,
            target_directory: metadata.target_directory,
            workspace_manifest: metadata.workspace_root.join("Cargo.toml"),
        })
    }
}

impl Package {
    fn is_plugin(&self) -> bool {
        let mut crate_types = self.targets.iter().flat_map(|target| &target.crate_types);
        crate_types.any(|crate_type| crate_type == "cdylib")
    }
}
