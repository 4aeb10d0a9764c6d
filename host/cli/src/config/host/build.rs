//! `[build]`: what builds use that do not say otherwise.

use serde::{Deserialize, Serialize};

/// The section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildSection {
    /// The pool that machines come from: `local`, or the name of a `[pool.NAME]` section.
    pub pool: String,
    /// The policy plugin; `built-in` is the rule inside the host.
    pub policy: String,
    /// The estimator plugin; `built-in` is the rule inside the host.
    pub estimator: String,
    /// The most helpers of one build. None is what the machine can bear.
    pub helpers: Option<u32>,
    /// How often a failed test is run again; a pass then makes it flaky.
    pub retries: u32,
}

impl Default for BuildSection {
    fn default() -> BuildSection {
        BuildSection {
            pool: "local".into(),
            policy: "in-order".into(),
            estimator: "history".into(),
            helpers: None,
            retries: 0,
        }
    }
}
