//! The `history` estimator: what was observed before, by the test itself, else by its neighbours, else a prior.

mod estimate;
mod phases;
mod settings;

use muster_sdk::Error;
use muster_sdk::estimator::{Estimator, PhaseHistory, Subject, TestEstimate};
use muster_sdk::types::Phases;

use settings::HistorySettings;

/// The plugin.
#[derive(Debug)]
pub struct History;

impl Estimator for History {
    fn estimate(settings: &str, subjects: &[Subject]) -> Result<Vec<TestEstimate>, Error> {
        Ok(estimate::estimate(&HistorySettings::parse(settings)?, subjects))
    }

    fn phases(settings: &str, history: &PhaseHistory) -> Result<Phases, Error> {
        HistorySettings::parse(settings)?;
        Ok(phases::phases(history))
    }
}

muster_sdk::export!(History: estimator);
