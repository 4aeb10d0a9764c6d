//! The answer of `/status`: Go's version, and the member that announces what Muster adds.

use serde::{Deserialize, Serialize};

use super::{Lease, Platform};

/// The version of the x/build protocol the agent speaks.
pub const STATUS_VERSION: u32 = 29;

/// What a buildlet says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// The protocol version; the first was 1, and 0 means that none was given.
    #[serde(rename = "Version", default)]
    pub version: u32,
    /// Muster's additions; absent from Go's buildlets.
    #[serde(rename = "Muster", default, skip_serializing_if = "Option::is_none")]
    pub muster: Option<Extensions>,
}

/// The additions of one agent, and how well it can do them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extensions {
    /// The version of the additions; 1.
    pub version: u32,
    /// Differs after each start of the agent.
    pub instance: String,
    /// The machine, so that two buildlets on one machine can be told: its boot id.
    pub machine: String,
    /// The lease it serves, or served last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// How long it goes on without an authenticated request; absent: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphan_after_ms: Option<u64>,
    /// What it runs; agents of before do not say.
    pub platform: Platform,
    /// What enforces limits and measures usage: `cgroup-v1`, `cgroup-v2` or `none`.
    pub limits: String,
    /// Why limits are not enforced, where they are not.
    pub limits_missing: Option<String>,
    /// How processes are found when an exec is killed: `cgroup`, `subreaper` or `session`.
    pub kills: String,
    /// Whether `/muster/clone` is allowed.
    pub clone: bool,
    /// Unacknowledged output one exec may have before it waits, in bytes.
    pub spool_limit_bytes: u64,
    /// Free space of the file system of the work directory, in bytes.
    pub disk_free_bytes: Option<u64>,
    /// The ids of execs that wait for an acknowledgement.
    pub waiting: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_answer_and_an_empty_one_are_read() {
        let go: Status = serde_json::from_str(r#"{"Version":25}"#).expect("Go's answer");
        assert_eq!((go.version, go.muster), (25, None));
        let empty: Status = serde_json::from_str("{}").expect("an empty answer");
        assert_eq!(empty.version, 0);
    }

    #[test]
    fn members_of_a_newer_agent_are_ignored_and_those_of_an_older_one_default() {
        let text = r#"{"Version":29,"Muster":{"version":2,"later":[1]},"Other":1}"#;
        let status: Status = serde_json::from_str(text).expect("a newer answer");
        let extensions = status.muster.expect("it is there");
        assert_eq!((extensions.version, extensions.platform), (2, Platform::default()));
    }
}
