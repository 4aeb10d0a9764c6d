//! `[serve]`: how `muster serve` serves.

use serde::{Deserialize, Serialize};

use crate::config::units::Time;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeSection {
    /// Where it listens.
    pub listen: String,
    /// The names that clients and browsers may call it by, beside the address it listens on.
    pub names: Vec<String>,
    /// Builds that run at once; others wait in the queue.
    pub max_builds: usize,
    /// After a restart, how long it waits for the machines of running builds; and how long buildlets on this machine,
    /// whom nobody contacts, wait for it.
    pub adoption: Time,
    /// When it is asked to stop, how long running builds may take to end. Those that do not are taken up again by the
    /// next start. None is no time: all of them go on at the next start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<Time>,
    /// How long a coordinator that does not renew its right is waited for before another takes over.
    pub takeover: Time,
    /// How long a store that fails is asked again.
    pub store_patience: Time,
    /// How long a client may leave what it is sent unread. Then its connection is closed; who follows a stream comes again
    /// and goes on where it was.
    pub write_stall: Time,
    /// Builds of changes that are not merged may run on buildlets of this machine, where nothing keeps their commands
    /// from reading what this account can read.
    pub unmerged_on_local: bool,
    /// `/metrics` answers without a token.
    pub open_metrics: bool,
}

impl Default for ServeSection {
    fn default() -> ServeSection {
        ServeSection {
            listen: "127.0.0.1:5937".into(),
            names: Vec::new(),
            max_builds: 64,
            adoption: Time::seconds(600),
            drain: None,
            takeover: Time::seconds(15),
            store_patience: Time::seconds(300),
            write_stall: Time::seconds(60),
            unmerged_on_local: false,
            open_metrics: false,
        }
    }
}
