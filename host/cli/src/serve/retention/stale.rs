//! One thing that is kept for nobody.

use serde::Serialize;

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A build's page: its records stay.
    Build,
    /// A build's records: nothing is known of it any more.
    Records,
    /// A build's logs.
    Logs,
    /// An uploaded tree.
    Tree,
    /// A component that was a plugin.
    Component,
    /// What a plugin was.
    Generation,
    /// What was done to the service.
    Events,
    /// Snapshots and other blobs, beyond the bounds of `[blobs]`.
    Snapshots,
}

impl Kind {
    /// For people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Build => "build",
            Kind::Records => "records",
            Kind::Logs => "logs",
            Kind::Tree => "tree",
            Kind::Component => "component",
            Kind::Generation => "generation",
            Kind::Events => "events",
            Kind::Snapshots => "snapshots",
        }
    }
}

/// Something that goes, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Stale {
    /// What it is.
    pub(crate) kind: Kind,
    /// Which: a build's number, a digest, a plugin and its digest, or how many.
    pub(crate) name: String,
    /// Why it goes.
    pub(crate) why: String,
    /// What it takes in the blob store; rows of the store are not counted.
    pub(crate) bytes: u64,
}
