//! What the host's and the tree's files say of a plugin, in the loader's terms.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use plugin_host::{CallTime, Credential, FileStore, Grants, HttpGrant, KeyValueStore, Limits, PluginSettings, Role};
use serde_json::Value;

use crate::config::host::{HostFile, HttpGrantSection, PluginLimitsSection, PluginSection};
use crate::config::tree::TreeConfig;

/// The settings of one plugin: the tree's section with the host's laid over it, and what the host lets it touch and
/// use. A plugin's values are kept in `state`.
///
/// # Errors
/// The folder of its values cannot be made.
pub fn plugin_settings(name: &str, host: &HostFile, tree: &TreeConfig, state: &Path) -> anyhow::Result<PluginSettings> {
    let default = PluginSection::default();
    let section = host.config.plugins.get(name).unwrap_or(&default);
    let of_host = serde_json::to_value(&section.settings).context("failed to read settings as JSON")?;
    let of_tree = tree.sections.get(name).cloned().unwrap_or(Value::Object(serde_json::Map::new()));
    let kv: Option<Arc<dyn KeyValueStore>> = if section.grants.kv {
        let folder = state.join("values").join(name);
        let store = FileStore::open(&folder)
            .with_context(|| format!("failed to make the folder `{}` for the values of `{name}`", folder.display()))?;
        Some(Arc::new(store))
    } else {
        None
    };
    Ok(PluginSettings {
        settings: overlay(of_tree, of_host).to_string(),
        grants: Grants {
            clock: section.grants.clock,
            kv: section.grants.kv,
            http: section.grants.http.iter().map(|grant| http_grant(host, grant)).collect(),
        },
        limits: limits(&section.limits),
        http: plugin_host::HttpLimits::default(),
        kv,
        digest: section.digest.clone(),
    })
}

/// `above` laid over `below`: tables are joined key by key, everything else is replaced.
fn overlay(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) => {
            for (key, value) in above {
                let joined = match below.remove(&key) {
                    Some(old) => overlay(old, value),
                    None => value,
                };
                below.insert(key, joined);
            }
            Value::Object(below)
        }
        (_, above) => above,
    }
}

fn http_grant(host: &HostFile, grant: &HttpGrantSection) -> HttpGrant {
    let bearer = grant.bearer_file.as_deref().map(|file| Credential::BearerFile(host.resolve(file)));
    let basic = grant.basic_file.as_deref().map(|file| Credential::BasicFile(host.resolve(file)));
    HttpGrant {
        origin: grant.origin.clone(),
        private: grant.private,
        credential: bearer.or(basic),
        ca_file: grant.ca_file.as_deref().map(|file| host.resolve(file)),
    }
}

fn limits(section: &PluginLimitsSection) -> Limits {
    let mut limits = Limits::default();
    let bytes = |size: crate::config::units::Size| usize::try_from(size.0).unwrap_or(usize::MAX);
    for role in Role::ALL {
        let of_role = limits.of_mut(role);
        if let Some(memory) = section.memory {
            of_role.memory_bytes = bytes(memory);
        }
        if let Some(answer) = section.answer {
            of_role.answer_bytes = bytes(answer);
        }
        if let Some(call) = section.call {
            of_role.time = CallTime { base: call.0, per_thousand: of_role.time.per_thousand };
        }
    }
    if let Some(call) = section.call {
        limits.policy_open = CallTime { base: call.0.max(Duration::from_millis(1)), ..limits.policy_open };
    }
    limits
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::located::SourceText;
    use crate::config::tree::TreeFile;

    fn source(text: &str) -> SourceText {
        SourceText { path: "/etc/muster/coordinator.toml".into(), text: text.into() }
    }

    #[test]
    fn the_host_wins_over_the_tree_key_by_key() {
        let host = HostFile::read(source(
            "[plugins.pytest.settings]\nargs = ['-q']\n[plugins.pytest.settings.env]\nA = 'host'\n\
             [plugins.pytest.limits]\nmemory = '1MiB'\ncall = '9s'\n",
        ))
        .unwrap();
        let tree =
            TreeFile::read(source("[pytest]\nargs = ['-x']\nroot = 'r'\n[pytest.env]\nA = 'tree'\nB = 'b'\n")).unwrap();
        let settings = plugin_settings("pytest", &host, &tree.config, Path::new("/nowhere")).unwrap();
        let json: Value = serde_json::from_str(&settings.settings).unwrap();
        assert_eq!(json, serde_json::json!({"args": ["-q"], "root": "r", "env": {"A": "host", "B": "b"}}));
        assert_eq!(settings.limits.builder.memory_bytes, 1 << 20);
        assert_eq!(settings.limits.parser.time.base, Duration::from_secs(9));
    }

    #[test]
    fn nothing_is_granted_that_is_not_written() {
        let settings =
            plugin_settings("docker", &HostFile::default(), &TreeConfig::default(), Path::new("/nowhere")).unwrap();
        assert_eq!(settings.grants, Grants::default());
        assert!(settings.kv.is_none());
    }

    #[test]
    fn files_are_meant_from_the_folder_of_the_configuration() {
        let host = HostFile::read(source(
            "[plugins.k8s.grants]\nhttp = [{ origin = 'https://k8s.example.org', bearer-file = 'token' }]\n",
        ))
        .unwrap();
        let settings = plugin_settings("k8s", &host, &TreeConfig::default(), Path::new("/nowhere")).unwrap();
        assert_eq!(settings.grants.http[0].credential, Some(Credential::BearerFile("/etc/muster/token".into())));
    }
}
