//! The estimator role: a store of its own for each batch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coordinator::ports::{Estimator, PhaseHistory, Subject};
use engine::{Estimate, Phases, PluginFault, PluginRef};
use futures::FutureExt as _;

use super::answer::{Checked, duration, phases};
use super::convert::{error_text, nanos, phases_from_wit, source_from_wit};
use crate::bindings::exports::muster::estimator::estimator as wit;
use crate::bindings::muster::types::types::Observation;
use crate::live::Bind;
use crate::registry::Generation;
use crate::role::Role;

/// A generation as an estimator.
struct EstimatorPlugin {
    generation: Arc<Generation>,
    settings: String,
}

impl Generation {
    /// As an estimator, if it is one; with these settings (JSON) or its own.
    pub fn estimator(self: &Arc<Generation>, settings: Option<String>) -> Option<Arc<dyn Estimator>> {
        self.has(Role::Estimator).then(|| {
            let settings = settings.unwrap_or_else(|| self.settings.clone());
            Arc::new(EstimatorPlugin { generation: Arc::clone(self), settings }) as Arc<dyn Estimator>
        })
    }
}

const BIND: Bind<wit::Guest> =
    |indices, store, instance| indices.estimator.as_ref().expect("only asked of estimators").load(store, instance);

#[async_trait]
impl Estimator for EstimatorPlugin {
    fn plugin(&self) -> &PluginRef {
        self.generation.reference()
    }

    async fn estimate(&self, subjects: &[Subject]) -> Result<Vec<Estimate>, PluginFault> {
        let settings = self.settings.clone();
        let limit = self.generation.limits.estimator.time.of(subjects.len());
        let asked: Vec<wit::Subject> = subjects.iter().map(subject_to_wit).collect();
        let answer = self
            .generation
            .once((Role::Estimator, limit), BIND, move |store, guest| {
                async move { guest.call_estimate(store, &settings, &asked).await }.boxed()
            })
            .await?;
        let estimates = answer.map_err(|error| self.generation.refused(&error_text(&error)))?;
        check(subjects, &estimates).map_err(|rule| self.generation.bad_answer(&rule))?;
        Ok(estimates.into_iter().map(estimate_from_wit).collect())
    }

    async fn phases(&self, history: &PhaseHistory) -> Result<Phases, PluginFault> {
        let settings = self.settings.clone();
        let limit = self.generation.limits.estimator.time.of(0);
        let history = history_to_wit(history);
        let answer = self
            .generation
            .once((Role::Estimator, limit), BIND, move |store, guest| {
                async move { guest.call_phases(store, &settings, &history).await }.boxed()
            })
            .await?;
        let expected = answer.map_err(|error| self.generation.refused(&error_text(&error)))?;
        phases(&expected).map_err(|rule| self.generation.bad_answer(&rule))?;
        Ok(phases_from_wit(&expected))
    }
}

fn check(subjects: &[Subject], estimates: &[wit::TestEstimate]) -> Checked {
    if estimates.len() != subjects.len() {
        return Err(format!("{} estimates for {} tests", estimates.len(), subjects.len()));
    }
    for (subject, estimate) in subjects.iter().zip(estimates) {
        duration(&format!("the estimate of `{}`", subject.name), estimate.expected)?;
        duration(&format!("the deviation of `{}`", subject.name), estimate.deviation)?;
    }
    Ok(())
}

fn subject_to_wit(subject: &Subject) -> wit::Subject {
    let observations = subject.observations.iter().map(|observation| Observation {
        duration: nanos(observation.duration),
        exact: observation.exact,
        at: observation.at,
    });
    wit::Subject {
        name: subject.name.clone(),
        setup_key: subject.setup_key.clone(),
        observations: observations.collect(),
    }
}

fn history_to_wit(history: &PhaseHistory) -> wit::PhaseHistory {
    let all = |durations: &[Duration]| durations.iter().copied().map(nanos).collect();
    wit::PhaseHistory {
        make: all(&history.make),
        machine_start: all(&history.machine_start),
        setup: all(&history.setup),
        exec_overhead: all(&history.exec_overhead),
        exec_overhead_guess: nanos(history.exec_overhead_guess),
    }
}

fn estimate_from_wit(estimate: wit::TestEstimate) -> Estimate {
    Estimate {
        expected: Duration::from_nanos(estimate.expected),
        deviation: Duration::from_nanos(estimate.deviation),
        source: source_from_wit(estimate.source),
    }
}
