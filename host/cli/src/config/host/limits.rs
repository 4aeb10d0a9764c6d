//! `[limits]`: the bounds of every build.

use serde::{Deserialize, Serialize};

use crate::config::units::{Size, Time};

/// The section. Each bound exists because without it a build could hold its machines, or the disk, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitsSection {
    /// The whole build.
    pub build: Time,
    /// Waiting for the main buildlet.
    pub acquire: Time,
    /// Source push, make, snapshot and listing, each.
    pub phase: Time,
    /// One test that names no limit of its own.
    pub test: Time,
    /// One answer of a plugin.
    pub plugin: Time,
    /// Exec failures of one test before it is lost.
    pub exec_failures: u32,
    /// Main buildlets lost before the build is given up.
    pub main_losses: u32,
    /// Between two questions whether a buildlet still lives. None is the pool's own: 2 s here, 10 s elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_every: Option<Time>,
    /// For the answer; three late ones in a row are a lost machine. None is the pool's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout: Option<Time>,
    /// Output kept of one test, in the summary and the reports.
    pub output_per_test: Size,
}

impl Default for LimitsSection {
    fn default() -> LimitsSection {
        let limits = engine::Limits::default();
        LimitsSection {
            build: Time(limits.build),
            acquire: Time(limits.acquire),
            phase: Time(limits.phase),
            test: Time(limits.test),
            plugin: Time(limits.plugin),
            exec_failures: limits.exec_failures,
            main_losses: limits.main_losses,
            heartbeat_every: None,
            heartbeat_timeout: None,
            output_per_test: Size(64 << 10),
        }
    }
}

impl LimitsSection {
    /// Applies what concerns the clients of buildlets.
    pub fn apply_to(&self, client: &mut buildlet::client::ClientSettings) {
        if let Some(every) = self.heartbeat_every {
            client.heartbeat_every = every.0;
        }
        if let Some(timeout) = self.heartbeat_timeout {
            client.heartbeat_timeout = timeout.0;
        }
    }

    /// The part that the engine keeps.
    pub fn engine(&self) -> engine::Limits {
        engine::Limits {
            build: self.build.0,
            acquire: self.acquire.0,
            phase: self.phase.0,
            test: self.test.0,
            plugin: self.plugin.0,
            exec_failures: self.exec_failures,
            main_losses: self.main_losses,
        }
    }
}
