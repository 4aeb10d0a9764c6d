//! `[state]`: what is kept on this machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StateSection {
    /// The folder of database, blobs and compiled plugins. None is `$XDG_STATE_HOME/muster`, else
    /// `~/.local/state/muster`, and for compiled plugins `$XDG_CACHE_HOME/muster`, else `~/.cache/muster`.
    pub dir: Option<PathBuf>,
}
