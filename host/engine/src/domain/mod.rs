//! The words of a build, shared by every part: ids, times, tests, verdicts, causes.

mod failure;
mod ids;
mod spec;
mod test;
mod time;
mod verdict;

pub use failure::{CommandEnd, ExecFailure, ExecFailureKind, PluginFault, PluginFaultKind};
pub use ids::{AttemptId, BuildId, LeaseId, OpId, TestIndex};
pub use spec::{BuildSpec, HostType, Limits, Machine, PluginRef, Role, SnapshotInfo};
pub use test::{Estimate, EstimateSource, Phases, Test};
pub use time::Time;
pub use verdict::{Outcome, Report, Status, Verdict, VerdictKind};
