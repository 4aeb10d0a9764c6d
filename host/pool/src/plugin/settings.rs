//! Settings of a pool over a plugin.

use std::path::PathBuf;
use std::time::Duration;

use buildlet::client::ClientSettings;

/// The label that names the coordinator whose machine it is.
pub(super) const COORDINATOR: &str = "muster-coordinator";

/// The label that names the pool: several may have machines of one source.
pub(super) const POOL: &str = "muster-pool";

/// The label that names the build.
pub(super) const BUILD: &str = "muster-build";

/// The label that names the lease.
pub(super) const LEASE: &str = "muster-lease";

/// Settings of a pool over a plugin.
#[derive(Clone, Debug)]
pub struct PluginSettings {
    /// The pool's name: machines with another's label are never touched, nor are those without one.
    pub name: String,
    /// The coordinator, in letters, digits and `-`: machines with another's label are never touched. One that stays
    /// the same over restarts finds its orphans again.
    pub coordinator: String,
    /// What makes names of machines differ from those of an earlier run, in letters, digits and `-`.
    pub run: String,
    /// The `muster` binary, for sources that share this machine's files.
    pub agent_binary: PathBuf,
    /// Host types it is asked for; empty: each that it says it can build.
    pub host_types: Vec<String>,
    /// The most machines at one time, of all types together; none is what the source can bear.
    pub most: Option<u32>,
    /// How long a machine may live, whatever happens to us. 24 h.
    pub max_life: Duration,
    /// From the request to an answering buildlet. 10 min: images are pulled, and machines boot.
    pub ready: Duration,
    /// To find a machine of an earlier life again, and to reach it. 1 min.
    pub adopt: Duration,
    /// The first pause between two looks at a machine that starts; each is twice the last. 100 ms.
    pub first_look: Duration,
    /// The longest pause. 5 s.
    pub longest_look: Duration,
    /// To destroy a machine, tries again included. 5 min.
    pub destroy: Duration,
    /// Time budgets of its clients.
    pub client: ClientSettings,
}

impl PluginSettings {
    /// Defaults, for a pool and a coordinator of these names.
    #[must_use]
    pub fn new(name: impl Into<String>, coordinator: impl Into<String>, run: impl Into<String>) -> PluginSettings {
        PluginSettings {
            name: name.into(),
            coordinator: coordinator.into(),
            run: run.into(),
            agent_binary: PathBuf::new(),
            host_types: Vec::new(),
            most: None,
            max_life: Duration::from_secs(24 * 3600),
            ready: Duration::from_secs(600),
            adopt: Duration::from_secs(60),
            first_look: Duration::from_millis(100),
            longest_look: Duration::from_secs(5),
            destroy: Duration::from_secs(300),
            client: ClientSettings::default(),
        }
    }
}
