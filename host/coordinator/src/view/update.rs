//! The stream of a running build.

use std::time::Duration;

use engine::{AttemptId, Role, Status, VerdictKind};

use super::BuildReport;

/// One thing that happened in a build, told at the moment it did.
#[derive(Clone, Debug, PartialEq)]
pub enum BuildUpdate {
    /// A phase of the build began or ended.
    Phase {
        /// `acquire`, `push`, `make`, `snapshot`, `list`, `test` or another word for people.
        name: String,
        /// Which end of it.
        edge: PhaseEdge,
    },
    /// A buildlet came, went or does something else now.
    Buildlet {
        /// As people know it.
        name: String,
        /// What it is to this build.
        role: Role,
        /// The pool it came from.
        pool: String,
        /// Its process on this machine, where it is one.
        pid: Option<u32>,
        /// What it does now.
        state: BuildletState,
    },
    /// The tree that is pushed.
    Source {
        /// Number of files.
        files: u64,
        /// Their size in bytes.
        bytes: u64,
        /// The digest of what is pushed.
        rev: String,
    },
    /// The snapshot of the made tree is there.
    Snapshot {
        /// It was made by an earlier build.
        reused: bool,
        /// How long ago it was made.
        age: Duration,
        /// Size in bytes, as stored.
        bytes: u64,
    },
    /// The whole made tree is on a machine that did not make it.
    Tree {
        /// The machine.
        buildlet: String,
        /// How it came there.
        way: TreeWay,
        /// How long that took.
        took: Duration,
    },
    /// The tests are known.
    Listed {
        /// How many there are.
        tests: u64,
    },
    /// How long they are expected to take.
    Estimates {
        /// Sum over all tests.
        total: Duration,
        /// Tests of which nothing is known.
        unknown: u64,
    },
    /// A running group reported a test. What it means is known when the group's exec has ended: a machine that is
    /// lost takes back what it said of failures.
    TestReported {
        /// The test.
        name: String,
        /// How it ended, as its runner says.
        status: Status,
        /// How long it took, where that is known.
        duration: Option<Duration>,
        /// Where it ran.
        buildlet: String,
    },
    /// A test has its verdict.
    TestDone {
        /// The test.
        name: String,
        /// Its verdict.
        kind: VerdictKind,
        /// How long it took, where that is known.
        duration: Option<Duration>,
        /// Where it ran; empty if it never did.
        buildlet: String,
        /// Why; empty for a plain pass.
        cause: String,
        /// It was reported without having been listed.
        added: bool,
    },
    /// The next piece of the ordered log.
    OrderedOutput(Vec<u8>),
    /// A piece of one machine's own log.
    MachineOutput {
        /// The machine.
        buildlet: String,
        /// As it was printed.
        bytes: Vec<u8>,
    },
    /// A group of tests was started.
    AttemptStarted {
        /// The attempt.
        attempt: AttemptId,
        /// Where.
        buildlet: String,
        /// What it runs, in order.
        tests: Vec<String>,
    },
    /// A group of tests ended.
    AttemptEnded {
        /// The attempt.
        attempt: AttemptId,
        /// Where.
        buildlet: String,
        /// How, in words.
        end: String,
        /// How long it took.
        took: Duration,
    },
    /// A plugin did not do what its contract says.
    PluginFault {
        /// Its name.
        plugin: String,
        /// `sha256:...` of its component.
        digest: String,
        /// What it did, and what stands in.
        text: String,
    },
    /// Anything else that people want to know.
    Note(String),
    /// The build is over; nothing follows.
    Done(Box<BuildReport>),
}

/// How the made tree comes to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeWay {
    /// Cloned from the main buildlet, on one machine.
    Clone,
    /// As the archive that was just being saved.
    Stream,
    /// As the archive in the store.
    Store,
}

impl TreeWay {
    /// In one word, as the event stream writes it.
    pub fn word(self) -> &'static str {
        match self {
            TreeWay::Clone => "clone",
            TreeWay::Stream => "stream",
            TreeWay::Store => "store",
        }
    }
}

/// An end of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseEdge {
    /// It began.
    Started,
    /// It is over.
    Ended {
        /// How long it took.
        took: Duration,
    },
}

/// What a buildlet does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildletState {
    /// It was asked for and does not answer yet.
    Starting,
    /// The tree is brought to it.
    SettingUp,
    /// It waits for work.
    Idle,
    /// It runs one exec.
    Running {
        /// What runs: the tests, or the one line that names a step of the make.
        tests: Vec<String>,
        /// For how long it already does.
        since: Duration,
    },
    /// It is gone and was not let go.
    Lost {
        /// Why, in words.
        cause: String,
    },
    /// It was let go.
    Released,
}

impl BuildletState {
    /// The state in one word, as the event stream writes it.
    pub fn word(&self) -> &'static str {
        match self {
            BuildletState::Starting => "starting",
            BuildletState::SettingUp => "setting-up",
            BuildletState::Idle => "idle",
            BuildletState::Running { .. } => "running",
            BuildletState::Lost { .. } => "lost",
            BuildletState::Released => "released",
        }
    }
}
