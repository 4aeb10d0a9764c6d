//! From the table to an expectation.

use muster_sdk::estimator::{PhaseHistory, TestEstimate};
use muster_sdk::types::{Duration, EstimateSource, Phases};

use crate::settings::TableSettings;

/// What the table says of a test, without what its exec costs. A test that it does not have is nothing that is known.
pub(crate) fn one(settings: &TableSettings, name: &str) -> TestEstimate {
    let net = |length: Duration| length.saturating_sub(settings.overhead);
    match settings.lengths.get(name) {
        Some(length) => TestEstimate { expected: net(*length), deviation: 0, source: EstimateSource::Table },
        None => {
            let expected = net(settings.default);
            TestEstimate { expected, deviation: expected, source: EstimateSource::Prior }
        }
    }
}

/// The phases of the settings, whatever they were before.
pub(crate) fn phases(settings: &TableSettings, history: &PhaseHistory) -> Phases {
    Phases {
        make: settings.make,
        machine_start: settings.machine_start,
        setup: settings.setup,
        exec_overhead: settings.exec_overhead.unwrap_or(history.exec_overhead_guess),
    }
}

#[cfg(test)]
mod tests;
