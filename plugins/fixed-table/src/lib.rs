//! The `fixed-table` estimator: every length from a table in the settings, whatever was observed. Where a table is
//! measured once and good for years, decisions can be repeated: `go-2015.toml` beside this crate is such a one.

mod estimate;
mod settings;

use muster_sdk::Error;
use muster_sdk::estimator::{Estimator, PhaseHistory, Subject, TestEstimate};
use muster_sdk::types::Phases;

use settings::TableSettings;

/// The plugin.
#[derive(Debug)]
pub struct FixedTable;

impl Estimator for FixedTable {
    fn estimate(settings: &str, subjects: &[Subject]) -> Result<Vec<TestEstimate>, Error> {
        let settings = TableSettings::parse(settings)?;
        Ok(subjects.iter().map(|subject| estimate::one(&settings, &subject.name)).collect())
    }

    fn phases(settings: &str, history: &PhaseHistory) -> Result<Phases, Error> {
        Ok(estimate::phases(&TableSettings::parse(settings)?, history))
    }
}

muster_sdk::export!(FixedTable: estimator);
