//! How the driver fails. A build that ends badly is not among these: that is an outcome.

use store::StoreError;
use thiserror::Error;

/// The driver cannot go on. Messages fit after "failed to".
#[derive(Debug, Error)]
pub enum CoordinatorError {
    /// Records cannot be made durable, so nothing that follows from them may happen.
    #[error("commit the records of the build")]
    Commit(#[source] StoreError),
    /// The folder for output cannot be made.
    #[error("keep output in `{}`", path.display())]
    Output {
        /// Where.
        path: std::path::PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Another build of this coordinator could not be recorded.
    #[error("go on: {0}")]
    GivenUp(String),
    /// The coordinator has stopped.
    #[error("reach the coordinator: it has stopped")]
    Stopped,
}

/// The message of an error and those of all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
