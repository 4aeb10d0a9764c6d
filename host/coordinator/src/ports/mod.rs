//! What the driver needs from plugins. `plugin-host` implements these for components; nothing else does.
//!
//! Every call may end in a [`PluginFault`]; the engine is told and decides what stands in. Arguments and answers are
//! field by field those of the WIT packages of the same names.

mod builder;
mod estimator;
mod parser;
mod policy;

pub use builder::{
    BuildPlan, Builder, BuilderConfig, Command, Listing, LogFormat, Place, Purpose, Source, SourceFile, Step, TestPlan,
};
pub use estimator::{Estimator, Observation, PhaseHistory, Subject};
pub use parser::{ENVIRONMENT, Parser, ParserEvent, ParserSession};
pub use policy::{Policy, PolicyRun};

use std::sync::Arc;

/// The plugins of one build, pinned from its first moment to its last.
#[derive(Clone)]
pub struct PluginSet {
    /// How the tree is built.
    pub builder: Arc<dyn Builder>,
    /// How long things take; none is the built-in rule.
    pub estimator: Option<Arc<dyn Estimator>>,
    /// Which test goes where; none is the built-in rule.
    pub policy: Option<Arc<dyn Policy>>,
    /// How output is read; none is the exit status alone.
    pub parser: Option<Arc<dyn Parser>>,
}
