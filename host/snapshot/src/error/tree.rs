//! Errors of source listings and of clones.

use std::{io, path::PathBuf};

use super::archive::ArchiveError;

/// The files of a working tree could not be listed or pushed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Git could not be started.
    #[error("run `git {command}` in `{}`", root.display())]
    GitNotRun {
        /// The command after `git`.
        command: String,
        /// The folder.
        root: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Git ran and failed.
    #[error("list the files of `{}`: `git {command}` ended with {status}: {stderr}", root.display())]
    GitFailed {
        /// The command after `git`.
        command: String,
        /// The folder.
        root: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said, shortened.
        stderr: String,
    },
    /// Git ran and said something that is not understood.
    #[error("list the files of `{}`: `git {command}` answered {answer}", root.display())]
    GitAnswer {
        /// The command after `git`.
        command: String,
        /// The folder.
        root: PathBuf,
        /// What is strange about the answer.
        answer: String,
    },
    /// Submodules are nested too deeply.
    #[error("list the files of `{}`: more than {limit} submodules deep", root.display())]
    TooDeep {
        /// The submodule.
        root: PathBuf,
        /// The bound.
        limit: usize,
    },
    /// The folder or a file in it could not be read or packed.
    #[error("read the tree `{}`", root.display())]
    Tree {
        /// The folder.
        root: PathBuf,
        /// The cause.
        #[source]
        source: Box<ArchiveError>,
    },
    /// The repository's metadata could not be prepared.
    #[error("prepare the git metadata of `{}`", root.display())]
    Metadata {
        /// The folder.
        root: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file was edited between listing and pushing: list again.
    #[error("push `{}`: it changed after it was listed; start again", path.display())]
    Changed {
        /// The file, relative to the root.
        path: PathBuf,
    },
}

/// A tree could not be cloned.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The destination exists and is not an empty directory.
    #[error("clone to `{}`: it exists and is not an empty directory", target.display())]
    TargetNotEmpty {
        /// The destination.
        target: PathBuf,
    },
    /// The destination lies in the source.
    #[error("clone to `{}`: it lies inside the tree to clone", target.display())]
    TargetInside {
        /// The destination.
        target: PathBuf,
    },
    /// The destination could not be made.
    #[error("make `{}`", target.display())]
    MakeTarget {
        /// The destination.
        target: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file could not be read or written; the clone is partial and the caller wipes it.
    #[error("clone the tree to `{}`; what is there is partial", target.display())]
    Partial {
        /// The destination.
        target: PathBuf,
        /// The cause.
        #[source]
        source: Box<ArchiveError>,
    },
    /// The original changed while it was cloned; the caller wipes the clone.
    #[error("clone the tree to `{}`: `{}` changed meanwhile", target.display(), path.display())]
    Changed {
        /// The destination.
        target: PathBuf,
        /// What changed, relative to the root.
        path: PathBuf,
    },
    /// The clone is not what the original is; the caller wipes the clone.
    #[error("clone the tree to `{}`: `{}` is not as in the original: {how}", target.display(), path.display())]
    Differs {
        /// The destination.
        target: PathBuf,
        /// What differs, relative to the root.
        path: PathBuf,
        /// In which respect.
        how: &'static str,
    },
}

impl CloneError {
    /// Whether something was written to the destination, which the caller then wipes.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        match self {
            CloneError::Partial { .. } | CloneError::Changed { .. } | CloneError::Differs { .. } => true,
            CloneError::TargetNotEmpty { .. } | CloneError::TargetInside { .. } | CloneError::MakeTarget { .. } => {
                false
            }
        }
    }
}
