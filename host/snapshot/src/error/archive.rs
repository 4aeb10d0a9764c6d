//! Errors of archives.

use std::{io, path::PathBuf};

use crate::archive::Extracted;

/// Who has to mend an archive error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The archive itself is bad, or a bound refuses it: trying again with the same bytes cannot help.
    Archive,
    /// This machine could not read or write: a full disk, a permission, a cut connection.
    Local,
}

/// An archive could not be packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Something was unpacked before it failed; the caller wipes it.
    #[error("extract the whole archive; the tree is partial, {} files were written", written.files)]
    Partial {
        /// What was written until then.
        written: Extracted,
        /// Why it ended.
        #[source]
        source: Box<ArchiveError>,
    },
    /// The archive ends too early.
    #[error("read the archive: it is truncated, it ends {place}")]
    Truncated {
        /// Where it ends.
        place: String,
    },
    /// The archive is not what it should be.
    #[error("read the archive: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The stream is compressed in a way that is not accepted here.
    #[error("read the archive: requires a {expected}-compressed body, found {found}")]
    WrongCompression {
        /// What is accepted.
        expected: &'static str,
        /// What the first bytes say.
        found: &'static str,
    },
    /// The stream could not be read or decompressed.
    #[error("read the archive")]
    Read {
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A name could lead out of the destination.
    #[error("extract `{}`: {reason}", name.display())]
    UnsafeName {
        /// The name in the archive.
        name: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry is neither a regular file nor a directory nor a link.
    #[error("extract `{}`: unsupported file type {kind}", name.display())]
    UnsupportedType {
        /// The entry.
        name: PathBuf,
        /// Its type.
        kind: String,
    },
    /// A bound was reached.
    #[error("extract the archive: more than {limit} {what}")]
    LimitExceeded {
        /// What is bounded.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// Something that may not be replaced or followed is in the way.
    #[error("extract `{}`: {reason}", name.display())]
    Obstructed {
        /// The entry.
        name: PathBuf,
        /// What is in the way.
        reason: &'static str,
    },
    /// The root of the tree could not be opened.
    #[error("open the directory `{}`", path.display())]
    OpenRoot {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file could not be written.
    #[error("write `{}`", path.display())]
    Write {
        /// The file, relative to the destination.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file of the tree could not be read.
    #[error("read `{}` for the archive", path.display())]
    ReadTree {
        /// The file, relative to the root.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file became shorter while it was packed.
    #[error("pack `{}`: it shrank while it was read", path.display())]
    Changed {
        /// The file, relative to the root.
        path: PathBuf,
    },
    /// The tree is nested too deeply to be walked.
    #[error("pack `{}`: more than {limit} directories deep", path.display())]
    TooDeep {
        /// The directory.
        path: PathBuf,
        /// The bound.
        limit: usize,
    },
    /// The archive could not be written to its output.
    #[error("write the archive")]
    Output {
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl ArchiveError {
    /// The error without the note that the tree is partial.
    #[must_use]
    pub fn root_cause(&self) -> &ArchiveError {
        if let ArchiveError::Partial { source, .. } = self { source.root_cause() } else { self }
    }

    /// Whether a part of the tree was written and has to be wiped.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        matches!(self, ArchiveError::Partial { .. })
    }

    /// Who has to mend it: an HTTP server answers 400 to one and 500 to the other.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self.root_cause() {
            ArchiveError::Truncated { .. }
            | ArchiveError::Malformed { .. }
            | ArchiveError::WrongCompression { .. }
            | ArchiveError::UnsafeName { .. }
            | ArchiveError::UnsupportedType { .. }
            | ArchiveError::LimitExceeded { .. }
            | ArchiveError::Obstructed { .. } => Fault::Archive,
            ArchiveError::Partial { .. }
            | ArchiveError::Read { .. }
            | ArchiveError::OpenRoot { .. }
            | ArchiveError::Write { .. }
            | ArchiveError::ReadTree { .. }
            | ArchiveError::Changed { .. }
            | ArchiveError::TooDeep { .. }
            | ArchiveError::Output { .. } => Fault::Local,
        }
    }
}
