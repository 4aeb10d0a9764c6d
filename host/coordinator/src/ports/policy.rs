//! The policy role: which test goes where next.

use std::time::Duration;

use async_trait::async_trait;
use engine::policy::{AskAt, Decision, HelperInput, Observed, RunInput};
use engine::{PluginFault, PluginRef};

/// A policy plugin with its settings.
#[async_trait]
pub trait Policy: Send + Sync {
    /// Which component answers.
    fn plugin(&self) -> &PluginRef;
    /// When to ask for helpers.
    async fn plan_helpers(&self, input: &HelperInput) -> Result<Vec<AskAt>, PluginFault>;
    /// Begins a run of one build's tests.
    async fn open(&self, input: &RunInput) -> Result<Box<dyn PolicyRun>, PluginFault>;
}

/// One build's run. After a fault it must not be asked again.
#[async_trait]
pub trait PolicyRun: Send {
    /// Tells what happened.
    async fn observe(&mut self, what: &[Observed]) -> Result<(), PluginFault>;
    /// Asks what the idle workers are to do.
    async fn decide(&mut self, now: Duration, idle: &[u32]) -> Result<Decision, PluginFault>;
}
