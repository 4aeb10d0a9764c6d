//! Questions to the policy plugin.

use engine::policy::{AskAt, HelperInput};
use engine::{DecideTask, Decided, PluginFault, PluginFaultKind};

use super::Context;
use crate::ports::Policy;

fn policy(context: &Context) -> Result<&dyn Policy, PluginFault> {
    let policy = context.job.plugins.policy.as_deref();
    policy.ok_or_else(|| PluginFault { kind: PluginFaultKind::NotLoaded, detail: "no policy plugin".into() })
}

pub(super) async fn plan_helpers(context: &Context, input: &HelperInput) -> Result<Vec<AskAt>, PluginFault> {
    policy(context)?.plan_helpers(input).await
}

pub(super) async fn decide(context: &Context, task: &DecideTask) -> Result<Decided, PluginFault> {
    let policy = policy(context)?;
    let mut run = context.job.policy_run.lock().await;
    if let Some(input) = &task.construct {
        *run = Some(policy.open(input).await?);
    }
    let Some(open) = run.as_mut() else {
        return Err(PluginFault { kind: PluginFaultKind::NotLoaded, detail: "its run ended with a fault".into() });
    };
    let asked = async {
        if !task.observed.is_empty() {
            open.observe(&task.observed).await?;
        }
        open.decide(task.now, &task.idle).await
    };
    match asked.await {
        Ok(decision) => Ok(Decided { decision, by: policy.plugin().clone() }),
        Err(fault) => {
            // What is left of a run after a fault must not be asked again.
            *run = None;
            Err(fault)
        }
    }
}
