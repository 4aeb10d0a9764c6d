//! `[retention]`: how long a service keeps what builds leave behind.

use engine::Time as Moment;
use serde::{Deserialize, Serialize};
use store::Retention;

use crate::config::units::{Size, Time};

/// Builds that are forgotten, and as many removed, in one round: so that no round holds the store for long.
const BUILDS_A_ROUND: u32 = 10_000;

/// What a service keeps, and for how long. A build that has not ended loses nothing. Snapshots have their bounds in
/// `[blobs]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RetentionSection {
    /// Builds that ended longer ago are neither listed nor shown any more, and their logs go.
    pub builds: Time,
    /// So many of those that ended last are shown, whatever their age; the others are not.
    pub builds_count: Option<u64>,
    /// Logs of builds that ended longer ago are removed, though the build be shown.
    pub logs: Time,
    /// The most that all logs may take together: beyond it those of the oldest builds go.
    pub logs_size: Option<Size>,
    /// The records of a build that is no longer shown are kept until it ended so long ago.
    pub records: Time,
    /// Uploaded trees that no unfinished build needs are removed so long after their upload.
    pub trees: Time,
    /// What a plugin was longer ago is forgotten, unless a build that is shown began with it or it is of its plugin's last
    /// ten: what runs and what a rollback returns to always stay.
    pub generations: Time,
    /// What was done to the service longer ago is forgotten: reloads, swaps of plugins, changes of tokens.
    pub events: Time,
}

impl Default for RetentionSection {
    fn default() -> RetentionSection {
        let days = |days: u64| Time::seconds(days * 24 * 60 * 60);
        RetentionSection {
            builds: days(90),
            builds_count: Some(100_000),
            logs: days(90),
            logs_size: None,
            records: days(365),
            trees: days(1),
            generations: days(90),
            events: days(365),
        }
    }
}

impl RetentionSection {
    /// What of it concerns the store.
    pub fn of_store(&self, now: Moment) -> Retention {
        Retention {
            now,
            age: Some(self.builds.0),
            count: self.builds_count,
            records: Some(self.records.0),
            at_most: BUILDS_A_ROUND,
        }
    }
}
