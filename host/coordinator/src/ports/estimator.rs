//! The estimator role: how long things will take.

use std::time::Duration;

use async_trait::async_trait;
use engine::{Estimate, Phases, PluginFault, PluginRef};

/// An estimator plugin with its settings.
#[async_trait]
pub trait Estimator: Send + Sync {
    /// Which component answers.
    fn plugin(&self) -> &PluginRef;
    /// One estimate for each subject, in order.
    async fn estimate(&self, subjects: &[Subject]) -> Result<Vec<Estimate>, PluginFault>;
    /// Expected lengths of the phases.
    async fn phases(&self, history: &PhaseHistory) -> Result<Phases, PluginFault>;
}

/// A test and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The test's name.
    pub name: String,
    /// Its set-up key.
    pub setup_key: Option<String>,
    /// Newest first.
    pub observations: Vec<Observation>,
}

/// One observed duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// How long the test kept its machine: what its runner measured, and a share of what its exec took beside.
    pub duration: Duration,
    /// Measured alone or told by the parser, rather than apportioned from a group.
    pub exact: bool,
    /// Seconds since 1970.
    pub at: u64,
}

/// Observed lengths of phases, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhaseHistory {
    /// Making the tree.
    pub make: Vec<Duration>,
    /// Getting a machine.
    pub machine_start: Vec<Duration>,
    /// Bringing the snapshot to a helper.
    pub setup: Vec<Duration>,
    /// Cost of one exec.
    pub exec_overhead: Vec<Duration>,
    /// The builder's first guess of the last.
    pub exec_overhead_guess: Duration,
}
