//! `[blobs]` and `[store]`: where snapshots and records are kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use snapshot::blob::Bounds;

use crate::config::units::{Size, Time};

/// What the folder of this machine may hold where nobody says otherwise.
const DEFAULT_SIZE: Size = Size(20 << 30);
/// How long it keeps what nobody uses where nobody says otherwise.
const DEFAULT_AGE: Time = Time::seconds(30 * 24 * 60 * 60);

/// Where snapshots, logs and the components of pinned plugins are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BlobsSection {
    /// `file:///path`, `s3://bucket/prefix` or `gs://bucket/prefix`. None is `blobs` in the state folder.
    pub url: Option<String>,
    /// The most they may take together: beyond it those used longest ago are removed. Not set is 20 GiB for the
    /// folder in the state folder, and no bound for a store that `url` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Size>,
    /// What was not used for this long is removed. Not set is 30 days for the folder in the state folder, and no bound
    /// for a store that `url` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Time>,
}

impl BlobsSection {
    /// What the store may hold. A store that was named is its owner's, who may have rules of his own: it has only the
    /// bounds that are written down. Nothing is removed that was used within the longest time a build may take.
    pub fn bounds(&self, longest_build: Duration) -> Bounds {
        let own = self.url.is_none();
        let size = self.max_size.or(own.then_some(DEFAULT_SIZE));
        let age = self.max_age.or(own.then_some(DEFAULT_AGE));
        Bounds { bytes: size.map(|size| size.0), age: age.map(|age| age.0), spare: longest_build }
    }
}

/// Where records and observed durations are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StoreSection {
    /// `sqlite:///path` or `postgres://user@host/database`. None is `muster.sqlite` in the state folder.
    pub url: Option<String>,
}
