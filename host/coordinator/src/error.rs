//! How the driver fails. A build that ends badly is not among these: that is an outcome.

use engine::BuildId;
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
    /// The unfinished builds cannot be read.
    #[error("read the unfinished builds")]
    Recover(#[source] StoreError),
    /// A record is not one of this version's.
    #[error("read record {seq} of build {build}: was a newer version here?")]
    Record {
        /// Whose.
        build: BuildId,
        /// Its place.
        seq: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The records of a build do not begin with its submission.
    #[error("read build {0}: its first record is missing")]
    NotSubmitted(BuildId),
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
