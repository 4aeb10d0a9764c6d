//! What a server refuses, and what keeps one from being reached.

use service::problem::{Kind, ProblemBody};

use crate::exit::Exit;

/// A request that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServerError {
    /// The server answered, and refused.
    #[error("{}: {}", .problem.title, .problem.detail)]
    Refused {
        /// What it said.
        problem: Box<ProblemBody>,
        /// Where the token came from, where that matters.
        token: String,
    },
    /// There was no answer.
    #[error("failed to reach {server}: {reason}")]
    Unreachable {
        /// Where.
        server: String,
        /// Why.
        reason: String,
    },
    /// The answer is not one of this API's.
    #[error("{server} gave an answer that is not of Muster's API: {reason}")]
    Strange {
        /// Where.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ServerError {
    /// Whether it is a refusal of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        match self {
            ServerError::Refused { problem, .. } => problem.kind == kind.urn(),
            ServerError::Unreachable { .. } | ServerError::Strange { .. } => false,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            ServerError::Refused { problem, .. } => problem.status == 429 || problem.status >= 500,
            ServerError::Unreachable { .. } => true,
            ServerError::Strange { .. } => false,
        }
    }

    /// How the command ends: what was asked for is wrong, or it could not be finished.
    pub fn exit(&self) -> Exit {
        match self {
            ServerError::Refused { problem, .. } if problem.status < 500 && problem.status != 429 => Exit::Usage,
            ServerError::Refused { .. } | ServerError::Unreachable { .. } | ServerError::Strange { .. } => {
                Exit::Unfinished
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            ServerError::Refused { problem, token } if problem.status == 401 || problem.status == 403 => {
                format!("{} ({token})", problem.hint)
            }
            ServerError::Refused { problem, .. } => problem.hint.clone(),
            ServerError::Unreachable { .. } => {
                "is `muster serve` running there? `--server URL` or MUSTER_SERVER names another".to_owned()
            }
            ServerError::Strange { .. } => "is this a Muster server, and of this version?".to_owned(),
        }
    }
}
