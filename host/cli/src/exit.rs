//! Exit codes, and the line that says what to do about an error.

use std::process::ExitCode;

use engine::Outcome;

use crate::client::ServerError;
use crate::config::ConfigError;

/// How the command ends. The numbers are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything passed.
    Passed,
    /// The make or a test failed.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// It could not be finished.
    Unfinished,
    /// It was canceled.
    Canceled,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unfinished => 3,
            // 128 and the number of SIGINT, as shells count it.
            Exit::Canceled => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// How the cause of an outcome begins when `--run` selects nothing: the engine's words.
const NO_MATCH: &str = "the filter matches no test";

/// How a build with this outcome ends.
pub fn of_outcome(outcome: &Outcome) -> Exit {
    match outcome {
        // The build could not be finished because what was asked for was a mistake.
        Outcome::Errored { cause } if cause.starts_with(NO_MATCH) => Exit::Usage,
        Outcome::Passed => Exit::Passed,
        Outcome::Failed { .. } => Exit::Failed,
        Outcome::Errored { .. } => Exit::Unfinished,
        Outcome::Canceled { .. } => Exit::Canceled,
    }
}

/// An error that is for the user to mend: a wrong argument, a tree that is not there.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// What is wrong.
    pub message: String,
    /// What to do; empty if the message says it.
    pub hint: String,
}

impl UsageError {
    /// What is wrong, and what to do about it.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> UsageError {
        UsageError { message: message.into(), hint: hint.into() }
    }
}

/// How the command ends after an error, with a hint where there is one.
pub fn of_error(error: &anyhow::Error) -> (Exit, Option<String>) {
    for cause in error.chain() {
        if let Some(usage) = cause.downcast_ref::<UsageError>() {
            return (Exit::Usage, Some(usage.hint.clone()).filter(|hint| !hint.is_empty()));
        }
        if let Some(server) = cause.downcast_ref::<ServerError>() {
            return (server.exit(), Some(server.hint()).filter(|hint| !hint.is_empty()));
        }
        if let Some(config) = cause.downcast_ref::<ConfigError>() {
            let hint = match config {
                ConfigError::Read { .. } => Some("check the path, and that you may read it".to_owned()),
                ConfigError::Line(_) | ConfigError::Twice { .. } => None,
            };
            return (Exit::Usage, hint);
        }
    }
    (Exit::Unfinished, hint_for_io(error))
}

fn hint_for_io(error: &anyhow::Error) -> Option<String> {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>())?;
    if io.kind() == std::io::ErrorKind::StorageFull {
        Some("a disk is full: make room, or use another `--state` folder".into())
    } else if io.kind() == std::io::ErrorKind::PermissionDenied {
        Some("check who owns that file or folder".into())
    } else {
        None
    }
}

/// What is wrong, and what to do about it; the latter is empty where nobody knows.
pub fn what_and_hint(error: &anyhow::Error) -> (String, String) {
    (describe(error), of_error(error).1.unwrap_or_default())
}

/// An error and its causes, as it is printed: causes that repeat what was said already are left out.
pub fn describe(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.contains(&cause) {
            continue;
        }
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(&cause);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_the_documented_codes() {
        let code = |outcome: &Outcome| of_outcome(outcome).code();
        let cause = String::new;
        assert_eq!(code(&Outcome::Passed), 0);
        assert_eq!(code(&Outcome::Failed { cause: cause() }), 1);
        assert_eq!(code(&Outcome::Errored { cause: cause() }), 3);
        assert_eq!(code(&Outcome::Canceled { cause: cause() }), 130);
        assert_eq!(code(&Outcome::Errored { cause: "the filter matches no test; the nearest names are a".into() }), 2);
    }

    #[test]
    fn the_chain_decides_and_is_told_once() {
        let error = anyhow::Error::new(UsageError::new("wrong", "do this")).context("failed to begin");
        assert_eq!(of_error(&error), (Exit::Usage, Some("do this".to_owned())));
        assert_eq!(describe(&error), "failed to begin: wrong");
        let full = anyhow::Error::new(std::io::Error::from(std::io::ErrorKind::StorageFull)).context("failed to write");
        assert_eq!(of_error(&full).0, Exit::Unfinished);
    }
}
