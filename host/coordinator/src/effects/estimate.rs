//! What the tests and phases are expected to take, from what was observed before.

use std::time::Duration;

use engine::{BuildSpec, Estimate, EstimateSource, Estimates, Phases, PluginFault, PluginFaultKind, PluginRef, Test};
use store::{Series, Store};

use super::Context;
use crate::job::series;
use crate::ports::{Estimator, Observation, PhaseHistory, Subject};
use crate::view::BuildUpdate;

pub(super) async fn estimate(context: &Context) -> Result<Estimates, PluginFault> {
    let job = &context.job;
    let tests = job.tests.get().map(Vec::as_slice).unwrap_or_default();
    let (subjects, history) = history(context, tests).await;
    let estimates = match &job.plugins.estimator {
        Some(estimator) => Estimates {
            tests: estimator.estimate(&subjects).await?,
            phases: estimator.phases(&history).await?,
            by: estimator.plugin().clone(),
        },
        None => built_in(&subjects, &history, job.spec.phases),
    };
    if estimates.tests.len() != subjects.len() {
        let detail = format!("{} estimates for {} tests", estimates.tests.len(), subjects.len());
        return Err(PluginFault { kind: PluginFaultKind::BadAnswer, detail });
    }
    let unknown = estimates.tests.iter().filter(|estimate| !estimate.source.is_known()).count() as u64;
    let total = estimates.tests.iter().map(|estimate| estimate.expected).sum();
    job.tell(BuildUpdate::Estimates { total, unknown }).await;
    Ok(estimates)
}

/// What the store knows. A store that cannot be read costs the history, not the build, and says so.
async fn history(context: &Context, tests: &[Test]) -> (Vec<Subject>, PhaseHistory) {
    let job = &context.job;
    let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
    let observed = match job.store.observations(&job.series, &names).await {
        Ok(observed) => observed,
        Err(error) => {
            job.tell(BuildUpdate::Note(format!("durations of earlier builds cannot be read: {error}"))).await;
            vec![Vec::new(); tests.len()]
        }
    };
    let subjects = tests.iter().zip(observed).map(|(test, observed)| Subject {
        name: test.name.clone(),
        setup_key: test.setup_key.clone(),
        observations: observed
            .into_iter()
            .map(|one| Observation { duration: one.duration, exact: one.exact, at: one.at })
            .collect(),
    });
    (subjects.collect(), phase_history(&job.store, &job.series, job.config.exec_overhead).await)
}

/// What was observed of the phases. A store that cannot be read says so where the tests are asked for.
async fn phase_history(store: &Store, series: &Series, exec_overhead_guess: Duration) -> PhaseHistory {
    let phases = store.phases(series).await.unwrap_or_default();
    PhaseHistory {
        make: phases.make,
        machine_start: phases.machine_start,
        setup: phases.setup,
        exec_overhead: phases.exec_overhead,
        exec_overhead_guess,
    }
}

/// What the phases are expected to take when the build begins: helpers are asked for by it, long before the tests are
/// known. An estimator that fails costs its word, not the build; it is asked again with the tests, and then it is a fault.
pub async fn expected_phases(store: &Store, spec: &BuildSpec, estimator: Option<&dyn Estimator>) -> Phases {
    let history = phase_history(store, &series(spec), spec.phases.exec_overhead).await;
    let Some(estimator) = estimator else { return medians(&history, spec.phases) };
    match estimator.phases(&history).await {
        Ok(phases) => phases,
        Err(fault) => {
            let plugin = &estimator.plugin().name;
            tracing::warn!(plugin, %fault, "helpers are asked for by what was observed, without the estimator");
            medians(&history, spec.phases)
        }
    }
}

fn medians(history: &PhaseHistory, expected: Phases) -> Phases {
    Phases {
        make: builtin::median(&history.make).unwrap_or(expected.make),
        machine_start: builtin::median(&history.machine_start).unwrap_or(expected.machine_start),
        setup: builtin::median(&history.setup).unwrap_or(expected.setup),
        exec_overhead: builtin::median(&history.exec_overhead).unwrap_or(history.exec_overhead_guess),
    }
}

/// The built-in estimator: medians of what was observed, priors for the rest.
fn built_in(subjects: &[Subject], history: &PhaseHistory, expected: Phases) -> Estimates {
    let tests = subjects.iter().map(|subject| {
        let durations: Vec<_> = subject.observations.iter().map(|one| one.duration).collect();
        match builtin::median(&durations) {
            Some(median) => Estimate {
                expected: median,
                deviation: builtin::standard_deviation(&durations),
                source: EstimateSource::History(u32::try_from(durations.len()).unwrap_or(u32::MAX)),
            },
            None => Estimate { expected: builtin::PRIOR, deviation: builtin::PRIOR, source: EstimateSource::Prior },
        }
    });
    Estimates { tests: tests.collect(), phases: medians(history, expected), by: PluginRef::built_in() }
}
