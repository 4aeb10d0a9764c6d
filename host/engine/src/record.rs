//! Facts made durable. A build's durable state changes by these and by nothing else, so that folding them gives it back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::Action;
use crate::{
    AttemptId, BuildId, BuildSpec, Certificate, CommandEnd, Estimate, ExecFailure, LeaseId, Machine, Outcome, Phases,
    PluginFault, PluginRef, Role, SnapshotInfo, Status, Test, TestIndex, Time, Verdict,
};

/// One durable fact of one build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Whose.
    pub build: BuildId,
    /// When the engine learned or decided it.
    pub at: Time,
    /// What.
    pub fact: Fact,
}

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The build exists.
    Submitted(Box<BuildSpec>),
    /// A phase began; the one before it is over.
    PhaseBegan(Phase),
    /// A machine is ours.
    LeaseGranted {
        /// The claim.
        lease: LeaseId,
        /// What it is for.
        role: Role,
        /// On what.
        machine: Machine,
    },
    /// No machine was to be had.
    LeaseRefused {
        /// The claim that was wanted.
        lease: LeaseId,
        /// What it was for.
        role: Role,
        /// Why.
        cause: ExecFailure,
    },
    /// The made tree stands on the machine: it may test.
    LeaseReady {
        /// The claim.
        lease: LeaseId,
    },
    /// The coordinator started again, and these claims of before are asked for.
    Restarted {
        /// The claims.
        leases: Vec<LeaseId>,
    },
    /// After a restart: the machine answers, and what it did goes on.
    LeaseAdopted {
        /// The claim.
        lease: LeaseId,
    },
    /// The claim is over.
    LeaseEnded {
        /// The claim.
        lease: LeaseId,
        /// The machine was lost, and how; none is a machine given back in order.
        lost: Option<ExecFailure>,
    },
    /// A whole snapshot of the made tree exists.
    SnapshotReady {
        /// Which.
        info: SnapshotInfo,
        /// An earlier build made it.
        reused: bool,
    },
    /// The tests are known.
    TestsListed(Vec<Test>),
    /// Their durations are estimated, in listed order.
    Estimated {
        /// One for each test.
        tests: Vec<Estimate>,
        /// Of what is not a test.
        phases: Phases,
        /// Who says so.
        by: PluginRef,
    },
    /// A policy decided; recorded before anything of it starts.
    Decided {
        /// Counts the decisions of the build.
        seq: u64,
        /// Who decided.
        by: PluginRef,
        /// What takes effect.
        actions: Vec<Action>,
        /// Why, in its words.
        note: String,
    },
    /// A group is started.
    AttemptStarted {
        /// The try.
        attempt: AttemptId,
        /// Where.
        lease: LeaseId,
        /// In this order.
        tests: Vec<TestIndex>,
    },
    /// An attempt is to end before it does so by itself; recorded before anything is killed.
    AttemptCalledBack {
        /// The try.
        attempt: AttemptId,
        /// Because this test ran over its limit; none where nothing is wrong with its tests.
        overdue: Option<TestIndex>,
    },
    /// An attempt is over.
    AttemptEnded {
        /// The try.
        attempt: AttemptId,
        /// The command's end, or why there is none.
        end: Result<CommandEnd, ExecFailure>,
        /// Length of the exec.
        took: Duration,
        /// Up to its first test.
        overhead: Option<Duration>,
        /// Things to tell of it.
        notes: Vec<String>,
    },
    /// A started test goes back: it will run again.
    TestReturned {
        /// Which.
        test: TestIndex,
        /// Why.
        cause: ReturnCause,
        /// The most tests of a group that it may be in. None is any number.
        max_group: Option<u32>,
    },
    /// A test was reported that had not been listed, or stands for a whole group.
    TestAdded(Test),
    /// A later attempt told of a test that had not been listed.
    ToldAgain {
        /// Which.
        test: TestIndex,
        /// The try.
        attempt: AttemptId,
        /// What it told.
        status: Status,
    },
    /// A group failed as a whole; one of these must turn out to be to blame.
    Blamed {
        /// Those that run again.
        tests: Vec<TestIndex>,
        /// What the group's end was.
        text: String,
    },
    /// A test has its verdict. A later one of the same test is `flaky`, or what several attempts tell together of a test
    /// that had not been listed.
    Verdict {
        /// Which.
        test: TestIndex,
        /// What.
        verdict: Verdict,
    },
    /// A plugin did not keep its contract; for the rest of the build the built-in rule stands in, where there is one.
    PluginFaulted {
        /// As what it served.
        role: String,
        /// Which version.
        plugin: PluginRef,
        /// What it did.
        fault: PluginFault,
    },
    /// Someone wants the build stopped.
    CancelAsked {
        /// Who or what.
        cause: String,
    },
    /// It is to have its turn earlier or later.
    PriorityChanged {
        /// Higher goes first.
        priority: i32,
    },
    /// The build is over.
    Ended {
        /// Its result.
        outcome: Outcome,
        /// Where its time went.
        certificate: Box<Certificate>,
    },
}

/// Why a test goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnCause {
    /// Its exec failed, while it may have been running.
    ExecFailed(ExecFailure),
    /// Its group ended well and did not mention it.
    Unreported,
    /// Its group ended badly before it could run, or cannot say which test was to blame.
    CutShort(String),
    /// It failed, and a retry was asked for: its message.
    Retried(String),
}

/// The phases of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for its turn.
    Queue,
    /// Waiting for the main buildlet.
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

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Phase::Queue => "queue",
            Phase::Acquire => "acquire",
            Phase::Prepare => "prepare",
            Phase::Make => "make",
            Phase::Snapshot => "snapshot",
            Phase::List => "list",
            Phase::Test => "test",
            Phase::Done => "done",
        })
    }
}
