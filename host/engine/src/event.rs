//! What the engine is told. Facts, past tense; an outside failure is one of them.

use std::time::Duration;

use crate::policy::{AskAt, Decision};
use crate::{
    AttemptId, BuildId, BuildSpec, CommandEnd, Estimate, ExecFailure, LeaseId, Machine, OpId, Phases, PluginFault,
    PluginFaultKind, PluginRef, Report, SnapshotInfo, Task, Test,
};

/// One fact for the engine.
#[derive(Clone, Debug)]
pub enum Event {
    /// A build is wanted.
    BuildSubmitted(Box<BuildSpec>),
    /// A build is no longer wanted.
    BuildCanceled {
        /// Which.
        build: BuildId,
        /// Who or what wants it stopped.
        cause: String,
    },
    /// A build is to have its turn earlier or later.
    PriorityChanged {
        /// Which.
        build: BuildId,
        /// Higher goes first.
        priority: i32,
    },
    /// An effect came to its end.
    Answered {
        /// The effect's id.
        op: OpId,
        /// How it ended.
        answer: Answer,
    },
    /// The machine of a lease is gone: it missed its heartbeats, or its pool says so.
    MachineLost {
        /// The claim on it.
        lease: LeaseId,
        /// How we know.
        cause: ExecFailure,
    },
    /// A test began to run: if it hangs, this is where.
    TestStarted {
        /// In this attempt.
        attempt: AttemptId,
        /// The test's name.
        name: String,
    },
    /// A test ended; its verdict follows when the attempt does.
    TestEnded {
        /// In this attempt.
        attempt: AttemptId,
        /// The test's name.
        name: String,
    },
    /// What an attempt prints cannot be kept, and so is not read, since this was told last or for a moment: none of its
    /// time passed.
    AttemptHeld {
        /// This one.
        attempt: AttemptId,
    },
    /// A deadline may have passed.
    Tick,
}

/// The end of one effect. Exactly one comes for each effect that has an id.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To `AcquireLease` and `AdoptLease`.
    LeaseGranted(Machine),
    /// To `AcquireLease`: there is none, or it was canceled. To `AdoptLease`: it is not ours any more, or not to be reached.
    LeaseRefused(ExecFailure),
    /// To `ReleaseLease`.
    LeaseReleased,
    /// To `FindSnapshot`.
    SnapshotSought(Result<Option<SnapshotInfo>, ExecFailure>),
    /// To `PushSource`.
    SourcePushed(Result<(), StepFailure>),
    /// To `SetUp`.
    SetUp(Result<(), ExecFailure>),
    /// To `Make`.
    Made(Result<(), StepFailure>),
    /// To `SaveSnapshot`.
    SnapshotSaved(Result<SnapshotInfo, ExecFailure>),
    /// To `ListTests`.
    TestsListed(Result<Vec<Test>, ListFailure>),
    /// To `Estimate`.
    Estimated(Result<Estimates, PluginFault>),
    /// To `PlanHelpers`.
    HelpersPlanned(Result<Vec<AskAt>, PluginFault>),
    /// To `Decide`.
    Decided(Result<Decided, PluginFault>),
    /// To `RunGroup`.
    AttemptEnded(Box<AttemptEnd>),
}

impl Answer {
    /// The answer of a task that was not carried out.
    pub fn failure_of(task: &Task, failure: ExecFailure) -> Answer {
        let late = || PluginFault { kind: PluginFaultKind::TimedOut, detail: failure.detail.clone() };
        match task {
            Task::AcquireLease { .. } | Task::AdoptLease { .. } => Answer::LeaseRefused(failure),
            Task::ReleaseLease { .. } => Answer::LeaseReleased,
            Task::FindSnapshot => Answer::SnapshotSought(Err(failure)),
            Task::PushSource { .. } => Answer::SourcePushed(Err(StepFailure::Exec(failure))),
            Task::SetUp { .. } => Answer::SetUp(Err(failure)),
            Task::Make { .. } => Answer::Made(Err(StepFailure::Exec(failure))),
            Task::SaveSnapshot { .. } => Answer::SnapshotSaved(Err(failure)),
            Task::ListTests { .. } => Answer::TestsListed(Err(ListFailure::Exec(failure))),
            Task::Estimate => Answer::Estimated(Err(late())),
            Task::PlanHelpers(_) => Answer::HelpersPlanned(Err(late())),
            Task::Decide(_) => Answer::Decided(Err(late())),
            Task::RunGroup { .. } => Answer::AttemptEnded(Box::new(AttemptEnd::unseen(failure))),
        }
    }
}

/// Why a phase of making the tree did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepFailure {
    /// A command ran to its end and failed: a result.
    Command {
        /// The step's name.
        step: String,
        /// How it ended.
        end: CommandEnd,
    },
    /// We could not run it: no result.
    Exec(ExecFailure),
    /// The builder plugin failed; nothing stands in for it.
    Plugin(PluginFault),
}

/// Why there is no list of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFailure {
    /// The list command ran to its end and failed, or its output is refused by the builder: a result.
    Command(String),
    /// The list has no test in it.
    Empty,
    /// The filter matches no test: the nearest names.
    NoMatch(Vec<String>),
    /// We could not list: no result.
    Exec(ExecFailure),
    /// The builder plugin failed.
    Plugin(PluginFault),
}

/// What is expected of a build's tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimates {
    /// One for each test, in listed order.
    pub tests: Vec<Estimate>,
    /// Of what is not a test.
    pub phases: Phases,
    /// Who says so.
    pub by: PluginRef,
}

/// A policy's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What is to be done.
    pub decision: Decision,
    /// Who says so.
    pub by: PluginRef,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptEnd {
    /// The command's own end, or why there is none.
    pub end: Result<CommandEnd, ExecFailure>,
    /// What the parser saw, in order.
    pub reports: Vec<Report>,
    /// The test that had begun and not ended when the command did.
    pub open: Option<String>,
    /// A parser read the output to its end, so that a test it did not mention did not run.
    pub parsed: bool,
    /// From the start of the exec to its end.
    pub took: Duration,
    /// From the start of the exec to its first test, where that was seen.
    pub overhead: Option<Duration>,
    /// Something to tell of the exec: output cut, a process left behind.
    pub notes: Vec<String>,
}

impl AttemptEnd {
    /// Of an attempt of whose end nothing is known.
    pub fn unseen(failure: ExecFailure) -> AttemptEnd {
        AttemptEnd {
            end: Err(failure),
            reports: Vec::new(),
            open: None,
            parsed: false,
            took: Duration::ZERO,
            overhead: None,
            notes: Vec::new(),
        }
    }
}
