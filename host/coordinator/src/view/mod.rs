//! What a build tells while it runs, and what is known of it at its end: plain data, no I/O.

mod report;
mod update;

pub use report::{
    AttemptKind, AttemptSpan, AttemptSummary, BuildReport, BuildletSpan, Certificate, Difference, Fault, PhaseSpan,
    PluginUse, TestResult,
};
pub use update::{BuildUpdate, BuildletState, PhaseEdge, TreeWay};
