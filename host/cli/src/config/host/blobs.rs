//! `[blobs]` and `[store]`: where snapshots and records are kept.

use serde::{Deserialize, Serialize};

/// Where snapshots, logs and the components of pinned plugins are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BlobsSection {
    /// `file:///path`, `s3://bucket/prefix` or `gs://bucket/prefix`. None is `blobs` in the state folder.
    pub url: Option<String>,
}

/// Where records and observed durations are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StoreSection {
    /// `sqlite:///path` or `postgres://user@host/database`. None is `muster.sqlite` in the state folder.
    pub url: Option<String>,
}
