//! Settings of a pool by URL.

use std::time::Duration;

use buildlet::client::ClientSettings;

/// Settings of a pool by URL.
#[derive(Clone, Debug)]
pub struct UrlSettings {
    /// The pool's name.
    pub name: String,
    /// The class its machines are of; empty: of every class that is asked for.
    pub host_types: Vec<String>,
    /// How long a machine that did not answer is left alone. 15 s.
    pub retry: Duration,
    /// To clean a machine that is given back. 60 s.
    pub clean: Duration,
    /// Time budgets of its clients.
    pub client: ClientSettings,
}

impl Default for UrlSettings {
    fn default() -> UrlSettings {
        UrlSettings {
            name: "url".to_owned(),
            host_types: Vec::new(),
            retry: Duration::from_secs(15),
            clean: Duration::from_secs(60),
            client: ClientSettings::default(),
        }
    }
}
