//! `[pool.NAME]`: sources of machines.

use serde::{Deserialize, Serialize};

use crate::config::units::{Size, Time};

/// What a pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolKind {
    /// Child processes on this machine.
    #[default]
    Local,
    /// Machines that run a buildlet already, by URL.
    Url,
    /// Machines that a pool plugin makes.
    Plugin,
}

/// One section. The pool named `local` is there without one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PoolSection {
    /// What it is.
    pub kind: PoolKind,
    /// `local` and `plugin`: the most buildlets at one time, whatever builds ask for. None is what the source can bear.
    pub buildlets: Option<u32>,
    /// `local`: processors for each buildlet, where the machine can limit that.
    pub cpus: Option<f64>,
    /// `local`: memory for each buildlet, where the machine can limit that.
    pub memory: Option<Size>,
    /// `url`: files that hold one buildlet URL each, with its password (mode 0600).
    pub url_files: Vec<std::path::PathBuf>,
    /// `plugin`: the pool plugin; none is the one with the pool's own name.
    pub plugin: Option<String>,
    /// The host types of its machines. Empty is every type, of a plugin every type that it says it can build.
    pub host_types: Vec<String>,
    /// `plugin`: how long one of its machines may live.
    pub max_life: Option<Time>,
    /// `plugin`: handed to the plugin as it is.
    pub settings: toml::Table,
}
