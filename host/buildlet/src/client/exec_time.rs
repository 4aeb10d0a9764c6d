//! The time that a command may still take, as far as that is judged from this side.

use std::time::Duration;

use tokio::time::Instant;

use super::error::{CallFailure, ExecFailure, FailureKind};

/// So much of the time in which one piece of output is kept counts: a command is slowed down by whoever reads it. What is
/// beyond that is an outage on this side, of which a command knows nothing.
const KEEPING: Duration = Duration::from_millis(100);

/// The time of one exec.
pub(super) struct ExecTime {
    /// As it is told.
    deadline: Duration,
    /// What is left of it; none is without end.
    left: Option<Duration>,
}

impl ExecTime {
    /// With this much more than the deadline, for an agent that enforces it too.
    pub(super) fn new(deadline: Option<Duration>, grace: Duration) -> ExecTime {
        let left = deadline.map(|deadline| deadline.saturating_add(grace));
        ExecTime { deadline: deadline.unwrap_or_default(), left }
    }

    /// Waits for the agent, and fails when the time is over.
    pub(super) async fn wait<T>(
        &mut self,
        next_offset: u64,
        agent: impl Future<Output = Result<T, CallFailure>>,
    ) -> Result<T, ExecFailure> {
        let Some(left) = self.left else { return agent.await.map_err(ExecFailure::at(next_offset)) };
        let began = Instant::now();
        let Ok(answered) = tokio::time::timeout(left, agent).await else {
            let detail = format!("still running after {:?}", self.deadline);
            return Err(ExecFailure { kind: FailureKind::TimedOut, detail, next_offset });
        };
        self.pass(began.elapsed());
        answered.map_err(ExecFailure::at(next_offset))
    }

    /// A piece of output was kept in this time.
    pub(super) fn kept(&mut self, took: Duration) {
        self.pass(took.min(KEEPING));
    }

    fn pass(&mut self, time: Duration) {
        self.left = self.left.map(|left| left.saturating_sub(time));
    }
}
