//! `[plugins.NAME]`: which plugins there are, what they may touch and how much they may use.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::units::{Size, Time};

/// One section. Bundled plugins are there without one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PluginSection {
    /// The component's file. None means the bundled plugin of this name.
    pub source: Option<PathBuf>,
    /// `sha256:...` that the file must have.
    pub digest: Option<String>,
    /// What it may touch: nothing that is not written here.
    pub grants: GrantsSection,
    /// How much it may use.
    pub limits: PluginLimitsSection,
    /// Laid over the tree's section of the same name; what is written here wins.
    pub settings: toml::Table,
}

/// `[plugins.NAME.grants]`. Only pool plugins can use these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GrantsSection {
    /// It may read the clock.
    pub clock: bool,
    /// It may keep values between calls.
    pub kv: bool,
    /// Where it may send requests.
    pub http: Vec<HttpGrantSection>,
}

/// One origin that a plugin may send requests to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpGrantSection {
    /// `https://api.example.org`, `http://10.0.0.7:2375`, `https://*.example.org` or `unix:/run/docker.sock`.
    pub origin: String,
    /// Names of this origin may resolve to private addresses.
    pub private: bool,
    /// PEM file of the authorities that this origin is trusted by, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// The host adds the bearer token in this file (mode 0600); the plugin never sees it.
    pub bearer_file: Option<PathBuf>,
    /// The host adds the `user:password` in this file (mode 0600); the plugin never sees it.
    pub basic_file: Option<PathBuf>,
}

/// `[plugins.NAME.limits]`. What is not written is the role's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PluginLimitsSection {
    /// All memories of one instance together.
    pub memory: Option<Size>,
    /// Processor time of one call; all time of a pool's, which waits for others.
    pub call: Option<Time>,
    /// What one answer may take on the host's side.
    pub answer: Option<Size>,
}
