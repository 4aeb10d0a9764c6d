//! What there is to say of a plugin: `muster plugin list` and `muster plugin inspect`.

use std::time::Duration;

use serde::Serialize;

use super::generation::Generation;

/// One plugin, as people and scripts see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// `sha256:...` of its bytes.
    pub digest: String,
    /// What it serves as.
    pub roles: Vec<RoleDescription>,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it was granted, one a line; `log` is always granted.
    pub grants: Vec<String>,
    /// Imports that nothing was granted for: its calls to them are refused.
    pub ungranted: Vec<String>,
    /// Bytes of the component.
    pub size_bytes: u64,
    /// Where it came from: `bundled`, `stored` or a path.
    pub source: String,
    /// Its code was found compiled at load; none where no cache is used.
    pub cached: Option<bool>,
    /// Faults since it was loaded.
    pub faults: u64,
    /// The last of them.
    pub last_fault: Option<String>,
    /// Seconds of quarantine left; none when it may be asked.
    pub quarantined_seconds: Option<u64>,
    /// Lines of its log that were dropped because there were too many.
    pub log_lines_dropped: u64,
}

/// A role and its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleDescription {
    /// The role's word.
    pub role: String,
    /// The version of the contract it was built for.
    pub version: String,
}

impl Description {
    pub(crate) fn new(
        generation: &Generation,
        faults: u64,
        last_fault: Option<&str>,
        quarantined: Option<Duration>,
    ) -> Description {
        let loaded = &generation.loaded;
        Description {
            name: loaded.name.clone(),
            digest: loaded.digest.clone(),
            roles: loaded
                .roles
                .iter()
                .map(|role| RoleDescription { role: role.role.to_string(), version: role.version.to_string() })
                .collect(),
            imports: loaded.imports.clone(),
            grants: granted(generation),
            ungranted: ungranted(generation),
            size_bytes: loaded.size,
            source: loaded.source.to_string(),
            cached: loaded.cached,
            faults,
            last_fault: last_fault.map(str::to_owned),
            quarantined_seconds: quarantined.map(|left| left.as_secs().max(1)),
            log_lines_dropped: generation.services.log.dropped(),
        }
    }
}

fn granted(generation: &Generation) -> Vec<String> {
    let grants = &generation.grants;
    let mut lines = Vec::new();
    if grants.clock {
        lines.push("clock".to_owned());
    }
    if grants.kv {
        lines.push("kv".to_owned());
    }
    for grant in &grants.http {
        let private = if grant.private { " (private addresses too)" } else { "" };
        let credential = if grant.credential.is_some() { " (with a credential)" } else { "" };
        lines.push(format!("http {}{private}{credential}", grant.origin));
    }
    lines
}

fn ungranted(generation: &Generation) -> Vec<String> {
    let grants = &generation.grants;
    let missing = |import: &str| match import.strip_prefix("muster:host/").and_then(|rest| rest.split('@').next()) {
        Some("clock") => !grants.clock,
        Some("kv") => generation.services.kv.is_none(),
        Some("http") => grants.http.is_empty(),
        Some(_) | None => false,
    };
    generation.loaded.imports.iter().filter(|import| missing(import)).cloned().collect()
}
