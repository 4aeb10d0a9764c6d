//! Observed durations: the words of the interface.

use std::time::Duration;

use engine::BuildId;

/// Durations of one series are comparable; those of two are never mixed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    /// What is built.
    pub project: String,
    /// How.
    pub builder: String,
    /// On which class of machine.
    pub host_type: String,
}

/// One observed duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// How long the test kept its machine, or the phase was; kept in nanoseconds.
    pub duration: Duration,
    /// Measured alone or told by the parser, rather than apportioned from a group.
    pub exact: bool,
    /// Seconds since 1970.
    pub at: u64,
    /// In which build.
    pub build: BuildId,
}

/// A test and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestObserved {
    /// The test's name.
    pub test: String,
    /// How long it took.
    pub observation: Observation,
}

/// A phase of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Making the tree.
    Make,
    /// Getting a machine.
    MachineStart,
    /// Bringing the snapshot to a helper.
    Setup,
    /// Cost of one exec.
    ExecOverhead,
}

impl Phase {
    pub(crate) const ALL: [Phase; 4] = [Phase::Make, Phase::MachineStart, Phase::Setup, Phase::ExecOverhead];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Make => "make",
            Phase::MachineStart => "machine-start",
            Phase::Setup => "setup",
            Phase::ExecOverhead => "exec-overhead",
        }
    }
}

/// A phase and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseObserved {
    /// Which.
    pub phase: Phase,
    /// How long it took.
    pub observation: Observation,
}

/// Observed lengths of phases, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhaseDurations {
    /// Making the tree.
    pub make: Vec<Duration>,
    /// Getting a machine.
    pub machine_start: Vec<Duration>,
    /// Bringing the snapshot to a helper.
    pub setup: Vec<Duration>,
    /// Cost of one exec.
    pub exec_overhead: Vec<Duration>,
}
