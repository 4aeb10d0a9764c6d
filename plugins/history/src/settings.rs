//! What a user may set.

use muster_sdk::Error;
use muster_sdk::settings::Settings;
use muster_sdk::types::Duration;

/// How many observations of one test are looked at: the newest, so that a test that changed is soon known anew.
const NEWEST: usize = 20;

/// The settings of the estimator.
#[derive(Debug, PartialEq)]
pub(crate) struct HistorySettings {
    /// What a test is taken for when neither it nor any other is known.
    pub(crate) prior: Option<Duration>,
    /// Observations looked at.
    pub(crate) newest: usize,
}

impl HistorySettings {
    /// Reads `prior` (a length of time) and `newest` (a number of observations).
    pub(crate) fn parse(json: &str) -> Result<HistorySettings, Error> {
        let mut settings = Settings::parse(json)?;
        let prior = settings.duration("prior")?;
        let newest = settings.count("newest")?.map_or(NEWEST, |count| usize::try_from(count).unwrap_or(usize::MAX));
        if newest == 0 {
            return Err(settings.invalid("newest", "at least 1"));
        }
        settings.finish()?;
        Ok(HistorySettings { prior, newest })
    }
}
