//! The buildlet's file `buildlet.toml`: what a machine offers, and to whom.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::find::{BUILDLET, Folders};
use super::located::SourceText;
use super::units::{Size, Time};
use super::{ConfigError, read};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildletConfig {
    /// Listen here; port 0 takes a free one.
    pub listen: Option<String>,
    /// The name or address that others reach this machine by.
    pub advertise: Option<String>,
    /// Where trees and commands live.
    pub work_dir: Option<PathBuf>,
    /// Spools and the lease, kept over restarts.
    pub state_dir: Option<PathBuf>,
    /// End when no coordinator was heard of for this long.
    pub orphan_after: Option<Time>,
    /// These folders are removed then, and no other.
    pub orphan_remove: Vec<PathBuf>,
    /// The password's file (mode 0600).
    pub password_file: Option<PathBuf>,
    /// The certificate (PEM), with `tls-key`.
    pub tls_cert: Option<PathBuf>,
    /// Its key (PEM).
    pub tls_key: Option<PathBuf>,
    /// Serve without TLS.
    pub no_tls: bool,
    /// Trees below these directories may be cloned into the work directory.
    pub allow_clone_from: Vec<PathBuf>,
    /// Announce nothing that Muster adds to x/build's protocol.
    pub no_additions: bool,
    /// Bounds.
    pub limits: BuildletLimits,
}

/// `[limits]`. What is not written is the agent's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildletLimits {
    /// The most connections at one time.
    pub connections: Option<usize>,
    /// The most output kept of one command; at this bound the command waits.
    pub output: Option<Size>,
    /// The most commands that are kept until acknowledged, running ones included.
    pub execs: Option<usize>,
    /// A connection without a byte for this long is broken.
    pub stall: Option<Time>,
}

/// What it says, and where.
#[derive(Clone, Debug, Default)]
pub struct BuildletFile {
    /// What it says.
    pub config: BuildletConfig,
    /// The file; none means that there is none and everything is default.
    pub source: Option<SourceText>,
}

impl BuildletFile {
    /// Reads the file that was named, or the first that is found.
    ///
    /// # Errors
    /// It was named and is not there, or it is wrong.
    pub fn find(named: Option<&Path>, folders: &Folders) -> Result<BuildletFile, ConfigError> {
        if let Some(path) = named {
            let text =
                std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
            return BuildletFile::read(SourceText { path: path.to_owned(), text });
        }
        for path in folders.candidates(BUILDLET) {
            if let Some(source) = read::read_optional(&path)? {
                return BuildletFile::read(source);
            }
        }
        Ok(BuildletFile::default())
    }

    /// A path that the file names: relative ones are meant from the file's own folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        let folder = self.source.as_ref().and_then(|source| source.path.parent());
        folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// The line that is wrong.
    pub fn read(source: SourceText) -> Result<BuildletFile, ConfigError> {
        let config = read::whole(&source)?;
        Ok(BuildletFile { config, source: Some(source) })
    }
}
