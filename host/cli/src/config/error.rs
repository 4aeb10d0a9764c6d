//! What can be wrong with configuration.

use std::path::PathBuf;

use super::located::Located;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there, or was named, and cannot be read.
    #[error("failed to read the configuration file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line of a file is wrong.
    #[error("{0}")]
    Line(Box<Located>),
    /// One tree is configured twice.
    #[error(
        "both `{}` and the section `[tool.muster]` of `{}` configure this tree: keep one of them",
        muster.display(),
        pyproject.display()
    )]
    Twice {
        /// The tree's own file.
        muster: PathBuf,
        /// The other.
        pyproject: PathBuf,
    },
}

impl From<Located> for ConfigError {
    fn from(located: Located) -> ConfigError {
        ConfigError::Line(Box::new(located))
    }
}
