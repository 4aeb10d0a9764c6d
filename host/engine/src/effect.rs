//! What the engine orders. Imperative; whatever has an [`OpId`] ends in exactly one answer that carries it.

use std::time::Duration;

use crate::policy::{HelperInput, Observed, RunInput};
use crate::{AttemptId, BuildId, HostType, LeaseId, Machine, OpId, Record, Role, TestIndex};

/// One order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make this durable, in one transaction with its neighbours and before any other effect is carried out.
    Record(Box<Record>),
    /// Do this, and answer.
    Do {
        /// To be carried by the answer.
        op: OpId,
        /// For this build.
        build: BuildId,
        /// What.
        task: Task,
    },
    /// What this would find out or bring about is no longer wanted: end it soon. Its answer still comes.
    Cancel(OpId),
    /// Append this attempt's output to the build's ordered log.
    Publish {
        /// The log's build.
        build: BuildId,
        /// Whose output.
        attempt: AttemptId,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Claim a buildlet.
    AcquireLease {
        /// The number of the claim.
        lease: LeaseId,
        /// What it is for.
        role: Role,
        /// Its class.
        host_type: HostType,
    },
    /// After a restart: take up a claim of before, under its old number. Answered as `AcquireLease`; granted means that
    /// the machine answers and still has what it had. Then what it did is ordered again, and what still runs there is
    /// attached to. If it is called back, the claim is given back at once.
    AdoptLease {
        /// The number of the claim.
        lease: LeaseId,
        /// What it is for.
        role: Role,
        /// On what.
        machine: Machine,
    },
    /// Give a buildlet back.
    ReleaseLease {
        /// The claim.
        lease: LeaseId,
        /// It failed us: it must not serve again as it is.
        broken: bool,
    },
    /// Look for a whole snapshot under the build's key.
    FindSnapshot,
    /// Bring the source to the main buildlet.
    PushSource {
        /// Where.
        lease: LeaseId,
    },
    /// Bring the snapshot to a buildlet; while it is being saved, from the stream.
    SetUp {
        /// Where.
        lease: LeaseId,
    },
    /// Run the make steps.
    Make {
        /// Where.
        lease: LeaseId,
    },
    /// Clean the tree and snapshot it.
    SaveSnapshot {
        /// From where.
        lease: LeaseId,
    },
    /// List the tests.
    ListTests {
        /// Where.
        lease: LeaseId,
    },
    /// Ask the estimator about the listed tests and the phases.
    Estimate,
    /// Ask the policy when helpers are wanted.
    PlanHelpers(HelperInput),
    /// Ask the policy what the idle workers are to do.
    Decide(Box<DecideTask>),
    /// Run tests in one exec; one of this number that exists already is attached to, and told from its beginning.
    RunGroup {
        /// The try.
        attempt: AttemptId,
        /// Where.
        lease: LeaseId,
        /// In this order.
        tests: Vec<TestIndex>,
        /// Kill it after this: the command timed out.
        limit: Duration,
    },
}

/// A question to the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideTask {
    /// Construct the policy's run from this first.
    pub construct: Option<RunInput>,
    /// What happened since it was last asked. After a restart all that happened since the tests began.
    pub observed: Vec<Observed>,
    /// Since the tests of this build began.
    pub now: Duration,
    /// Workers that wait.
    pub idle: Vec<u32>,
}
