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
            output_per_test: Size(64 << 10),
        }
    }
}

impl LimitsSection {
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
