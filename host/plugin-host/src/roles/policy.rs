//! The policy role: one warm store for each build's run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coordinator::ports::{Policy, PolicyRun};
use engine::policy::{AskAt, Decision, HelperInput, Observed, RunInput};
use engine::{PluginFault, PluginRef};
use futures::FutureExt as _;

use super::policy_convert::{
    asks_from_wit, check_asks, check_decision, decision_from_wit, helpers_to_wit, input_to_wit, observed_to_wit,
};
use super::session::Session;
use crate::bindings::exports::muster::policy::policy as wit;
use crate::live::Bind;
use crate::registry::Generation;
use crate::role::Role;

/// A generation as a policy.
struct PolicyPlugin {
    generation: Arc<Generation>,
    settings: String,
}

impl Generation {
    /// As a policy, if it is one; with these settings (JSON) or its own.
    pub fn policy(self: &Arc<Generation>, settings: Option<String>) -> Option<Arc<dyn Policy>> {
        self.has(Role::Policy).then(|| {
            let settings = settings.unwrap_or_else(|| self.settings.clone());
            Arc::new(PolicyPlugin { generation: Arc::clone(self), settings }) as Arc<dyn Policy>
        })
    }
}

const BIND: Bind<wit::Guest> =
    |indices, store, instance| indices.policy.as_ref().expect("only asked of policies").load(store, instance);

#[async_trait]
impl Policy for PolicyPlugin {
    fn plugin(&self) -> &PluginRef {
        self.generation.reference()
    }

    async fn plan_helpers(&self, input: &HelperInput) -> Result<Vec<AskAt>, PluginFault> {
        let input = helpers_to_wit(input, self.settings.clone());
        let limit = self.generation.limits.policy.time.of(0);
        let asks = self
            .generation
            .once((Role::Policy, limit), BIND, move |store, guest| {
                async move { guest.call_plan_helpers(store, &input).await }.boxed()
            })
            .await?;
        check_asks(&asks).map_err(|rule| self.generation.bad_answer(&rule))?;
        Ok(asks_from_wit(&asks))
    }

    async fn open(&self, input: &RunInput) -> Result<Box<dyn PolicyRun>, PluginFault> {
        let tests = input.items.len();
        let limit = self.generation.limits.policy_open.of(tests);
        let input = input_to_wit(input, self.settings.clone());
        let session = Session::open(&self.generation, (Role::Policy, limit), BIND, move |store, guest| {
            async move { guest.run().call_constructor(store, &input).await }.boxed()
        })
        .await?;
        Ok(Box::new(Run { session, tests }))
    }
}

/// One build's run.
struct Run {
    session: Session<wit::Guest>,
    tests: usize,
}

impl Run {
    fn limit(&self) -> Duration {
        self.session.generation().limits.policy.time.of(self.tests)
    }
}

#[async_trait]
impl PolicyRun for Run {
    async fn observe(&mut self, what: &[Observed]) -> Result<(), PluginFault> {
        let what: Vec<wit::Observed> = what.iter().map(observed_to_wit).collect();
        let limit = self.limit();
        self.session
            .call(limit, move |store, guest, run| {
                async move { guest.run().call_observe(store, run, &what).await }.boxed()
            })
            .await
    }

    async fn decide(&mut self, now: Duration, idle: &[u32]) -> Result<Decision, PluginFault> {
        let now = super::convert::nanos(now);
        let (workers, limit) = (idle.len(), self.limit());
        let idle = idle.to_vec();
        let decision = self
            .session
            .call(limit, move |store, guest, run| {
                async move { guest.run().call_decide(store, run, now, &idle).await }.boxed()
            })
            .await?;
        match check_decision(&decision, workers, self.tests) {
            Ok(()) => Ok(decision_from_wit(decision)),
            Err(rule) => Err(self.session.bad_answer(&rule)),
        }
    }
}
