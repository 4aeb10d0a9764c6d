//! The port to whoever knows how a build is carried out: its plugins, its tree, its machines.

use async_trait::async_trait;
use engine::{BuildSpec, ExecFailure};

use crate::job::JobSetup;

/// Gives a build what carrying it out needs. It is asked once in a life of the coordinator, when the build leaves the
/// queue or is taken up again; a build that waits costs its record and nothing else.
#[async_trait]
pub trait JobSource: Send + Sync {
    /// What this build needs: the plugins that its specification names, whatever they were replaced by since.
    ///
    /// # Errors
    /// It cannot be had any more, and why: the build ends as errored.
    async fn job(&self, spec: &BuildSpec, submission: &str) -> Result<JobSetup, ExecFailure>;
}
