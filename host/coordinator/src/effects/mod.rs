//! Carrying out effects: each task on its own, each ending in exactly one answer.

mod acquire;
mod clone;
mod command;
mod decide;
pub(crate) mod estimate;
mod exec_clock;
pub(crate) mod feed;
mod group_sink;
mod list;
mod make;
mod pipe;
mod repack;
mod results;
mod run_group;
pub(crate) mod save;
mod set_up;
mod sink;

pub(crate) use command::forget_attempt;

use std::io;
use std::sync::Arc;

use engine::{Answer, Event, ExecFailure, ExecFailureKind, OpId, Task};
use tokio_util::sync::CancellationToken;

use crate::inbox::Inbox;
use crate::job::Job;

/// What every effect has at hand.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) job: Arc<Job>,
    /// Ends the effect soon.
    pub(crate) cancel: CancellationToken,
    /// For what is told before the end.
    pub(crate) inbox: Inbox,
}

/// Carries out a task and sends its answer. A panic on the way is an answer too.
pub(crate) async fn perform(context: Context, op: OpId, task: Task) {
    let inbox = context.inbox.clone();
    let work = tokio::spawn(answer(context, task.clone()));
    let answer = match work.await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%op, %error, "an effect failed in an unforeseen way");
            let failure = ExecFailure::new(ExecFailureKind::Other, format!("internal error: {error}"));
            Answer::failure_of(&task, failure)
        }
    };
    inbox.send(Event::Answered { op, answer }).await;
}

async fn answer(context: Context, task: Task) -> Answer {
    match task {
        Task::AcquireLease { lease, role, host_type } => acquire::acquire(&context, lease, role, host_type).await,
        Task::AdoptLease { lease, role, machine } => acquire::adopt(&context, lease, role, machine).await,
        Task::ReleaseLease { lease, broken } => acquire::release(&context, lease, broken).await,
        Task::FindSnapshot => Answer::SnapshotSought(save::find(&context).await),
        Task::PushSource { lease } => Answer::SourcePushed(make::push_source(&context, lease).await),
        Task::SetUp { lease } => Answer::SetUp(set_up::set_up(&context, lease).await),
        Task::Make { lease } => Answer::Made(make::make(&context, lease).await),
        Task::SaveSnapshot { lease } => Answer::SnapshotSaved(save::save(&context, lease).await),
        Task::ListTests { lease } => Answer::TestsListed(list::list(&context, lease).await),
        Task::Estimate => Answer::Estimated(estimate::estimate(&context).await),
        Task::PlanHelpers(input) => Answer::HelpersPlanned(decide::plan_helpers(&context, &input).await),
        Task::Decide(task) => Answer::Decided(decide::decide(&context, &task).await),
        Task::RunGroup { attempt, lease, tests, limit } => {
            Answer::AttemptEnded(Box::new(run_group::run(&context, attempt, lease, &tests, limit).await))
        }
    }
}

/// The end of an effect that is no longer wanted.
pub(crate) fn called_back() -> ExecFailure {
    ExecFailure::new(ExecFailureKind::Other, "called back")
}

/// What is to be kept here cannot be.
pub(crate) fn keep_failure(what: &str, error: &io::Error) -> ExecFailure {
    let full = error.kind() == io::ErrorKind::StorageFull;
    let kind = if full { ExecFailureKind::DiskFull } else { ExecFailureKind::Other };
    ExecFailure::new(kind, format!("keep the output of {what}: {error}"))
}
