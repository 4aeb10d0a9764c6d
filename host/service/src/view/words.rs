//! The words of the model, as the API writes them.

use engine::{Outcome, Phase, Role, VerdictKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The result of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeWord {
    /// Every test passed, was flaky or was skipped.
    Passed,
    /// The make failed, or at least one test failed.
    Failed,
    /// It could not be finished: no result.
    Errored,
    /// Someone stopped it.
    Canceled,
}

impl OutcomeWord {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            OutcomeWord::Passed => "passed",
            OutcomeWord::Failed => "failed",
            OutcomeWord::Errored => "errored",
            OutcomeWord::Canceled => "canceled",
        }
    }

    /// Reads the word that the store keeps.
    pub fn from_word(word: &str) -> Option<OutcomeWord> {
        [OutcomeWord::Passed, OutcomeWord::Failed, OutcomeWord::Errored, OutcomeWord::Canceled]
            .into_iter()
            .find(|outcome| outcome.word() == word)
    }
}

impl From<&Outcome> for OutcomeWord {
    fn from(outcome: &Outcome) -> OutcomeWord {
        match outcome {
            Outcome::Passed => OutcomeWord::Passed,
            Outcome::Failed { .. } => OutcomeWord::Failed,
            Outcome::Errored { .. } => OutcomeWord::Errored,
            Outcome::Canceled { .. } => OutcomeWord::Canceled,
        }
    }
}

/// Where a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseWord {
    /// It waits for its turn.
    Queue,
    /// It waits for the main buildlet.
    Acquire,
    /// The source, or a snapshot, goes to the main buildlet.
    Prepare,
    /// The tree is made.
    Make,
    /// The tree is snapshotted.
    Snapshot,
    /// The tests are listed and estimated.
    List,
    /// The tests run.
    Test,
    /// It is over.
    Done,
}

impl From<Phase> for PhaseWord {
    fn from(phase: Phase) -> PhaseWord {
        match phase {
            Phase::Queue => PhaseWord::Queue,
            Phase::Acquire => PhaseWord::Acquire,
            Phase::Prepare => PhaseWord::Prepare,
            Phase::Make => PhaseWord::Make,
            Phase::Snapshot => PhaseWord::Snapshot,
            Phase::List => PhaseWord::List,
            Phase::Test => PhaseWord::Test,
            Phase::Done => PhaseWord::Done,
        }
    }
}

/// What a buildlet is to a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleWord {
    /// It makes the tree, and tests.
    Main,
    /// It tests.
    Helper,
}

impl From<Role> for RoleWord {
    fn from(role: Role) -> RoleWord {
        match role {
            Role::Main => RoleWord::Main,
            Role::Helper => RoleWord::Helper,
        }
    }
}

/// What a machine is to its pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineWord {
    /// Nobody uses it.
    #[default]
    Free,
    /// It is made, or connected to and emptied, for a build.
    BeingMade,
    /// A build holds it.
    Held,
    /// An earlier life of the coordinator held it: its build is asked whether it goes on there.
    ToBeAdopted,
    /// Its build is through with it: it is being emptied, or destroyed.
    Leaving,
    /// It does not answer as it should.
    Lost,
}

/// The result of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictWord {
    /// It ran and passed.
    Passed,
    /// It ran and failed.
    Failed,
    /// It failed and passed, or two copies disagreed.
    Flaky,
    /// The project's runner skipped it.
    Skipped,
    /// It could not be run to its end.
    Lost,
    /// It was not run: the build was cut short.
    NotRun,
}

impl From<VerdictKind> for VerdictWord {
    fn from(kind: VerdictKind) -> VerdictWord {
        match kind {
            VerdictKind::Passed => VerdictWord::Passed,
            VerdictKind::Failed => VerdictWord::Failed,
            VerdictKind::Flaky => VerdictWord::Flaky,
            VerdictKind::Skipped => VerdictWord::Skipped,
            VerdictKind::Lost => VerdictWord::Lost,
            VerdictKind::NotRun => VerdictWord::NotRun,
        }
    }
}

impl PhaseWord {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            PhaseWord::Queue => "queue",
            PhaseWord::Acquire => "acquire",
            PhaseWord::Prepare => "prepare",
            PhaseWord::Make => "make",
            PhaseWord::Snapshot => "snapshot",
            PhaseWord::List => "list",
            PhaseWord::Test => "test",
            PhaseWord::Done => "done",
        }
    }
}

impl RoleWord {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            RoleWord::Main => "main",
            RoleWord::Helper => "helper",
        }
    }
}

impl VerdictWord {
    /// Every verdict.
    pub const ALL: [VerdictWord; 6] = [
        VerdictWord::Passed,
        VerdictWord::Failed,
        VerdictWord::Flaky,
        VerdictWord::Skipped,
        VerdictWord::Lost,
        VerdictWord::NotRun,
    ];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            VerdictWord::Passed => "passed",
            VerdictWord::Failed => "failed",
            VerdictWord::Flaky => "flaky",
            VerdictWord::Skipped => "skipped",
            VerdictWord::Lost => "lost",
            VerdictWord::NotRun => "not-run",
        }
    }
}
