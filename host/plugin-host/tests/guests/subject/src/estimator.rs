//! An estimator that knows the newest observation.

use crate::Subject;
use crate::exports::muster::estimator::estimator::{Guest, PhaseHistory, PhaseLengths, TestEstimate};
use crate::exports::muster::estimator::estimator::Subject as Asked;
use crate::muster::types::types::{Error, EstimateSource};

impl Guest for Subject {
    fn estimate(settings: String, subjects: Vec<Asked>) -> Result<Vec<TestEstimate>, Error> {
        let mut estimates: Vec<TestEstimate> = subjects
            .iter()
            .map(|subject| match subject.observations.first() {
                Some(newest) => {
                    let source = EstimateSource::History(subject.observations.len() as u32);
                    TestEstimate { expected: newest.duration, deviation: 0, source }
                }
                None => TestEstimate { expected: 1_000_000_000, deviation: 0, source: EstimateSource::Prior },
            })
            .collect();
        match settings.as_str() {
            "\"short\"" => drop(estimates.pop()),
            "\"forever\"" => estimates.iter_mut().for_each(|estimate| estimate.expected = u64::MAX),
            _ => {}
        }
        Ok(estimates)
    }

    fn phases(_settings: String, history: PhaseHistory) -> Result<PhaseLengths, Error> {
        Ok(PhaseLengths { make: 1, machine_start: 2, setup: 3, exec_overhead: history.exec_overhead_guess })
    }
}
