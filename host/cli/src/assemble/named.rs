//! Plugins that a configuration names, or that a build asks for.

use std::sync::Arc;

use plugin_host::{Generation, PluginRegistry, Role};

use crate::config::host::{BuildSection, HostConfig};
use crate::config::nearest::nearest;
use crate::exit::UsageError;

/// Where people look for a plugin that is not there.
pub(crate) const SHOWN: &str = "`muster plugin list` shows what there is";
/// The rule inside the host.
const BUILT_IN: &str = "built-in";

/// The policy or estimator of this name. None is the built-in rule: it answers where no plugin is asked for, and where the
/// default is not in this binary.
///
/// # Errors
/// There is none of this name, or it does not serve as this.
pub(crate) fn scheduler(
    registry: &PluginRegistry,
    name: &str,
    role: Role,
) -> Result<Option<Arc<Generation>>, UsageError> {
    let default = BuildSection::default();
    let default = if role == Role::Policy { default.policy } else { default.estimator };
    let is_there = || registry.describe().iter().any(|plugin| plugin.name == name);
    if name == BUILT_IN || (name == default && !is_there()) {
        return Ok(None);
    }
    let found = registry.get(name, role).map(Some);
    found.map_err(|fault| UsageError::new(fault.detail, SHOWN))
}

/// What `[build]` and `[[rule]]` name is there, and serves as that for which it is named.
///
/// # Errors
/// The first that is not, and who names it.
pub(crate) fn check_named(config: &HostConfig, registry: &PluginRegistry) -> Result<(), UsageError> {
    let check = |place: &str, name: &str, role| match scheduler(registry, name, role) {
        Ok(_) => Ok(()),
        Err(error) => Err(UsageError { message: format!("{place} is wrong: {}", error.message), ..error }),
    };
    check("`[build] policy`", &config.build.policy, Role::Policy)?;
    check("`[build] estimator`", &config.build.estimator, Role::Estimator)?;
    for rule in &config.rule {
        if let Some(policy) = &rule.policy {
            check("a `[[rule]]`", policy, Role::Policy)?;
        }
        if let Some(estimator) = &rule.estimator {
            check("a `[[rule]]`", estimator, Role::Estimator)?;
        }
        let plugins: Vec<String> = registry.describe().into_iter().map(|plugin| plugin.name).collect();
        if let Some(name) = rule.settings.keys().find(|name| !plugins.contains(name)) {
            let near = nearest(name, plugins.iter().map(String::as_str));
            let hint = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            let what = format!("a `[[rule]]` is wrong: it has settings for `{name}`, and there is no such plugin");
            return Err(UsageError::new(what, hint));
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use plugin_host::{EngineOptions, PluginHost};

    use super::*;
    use crate::config::host::HostFile;
    use crate::config::located::SourceText;

    #[tokio::test]
    async fn the_default_of_one_role_is_no_default_of_another() {
        let registry = PluginRegistry::new(PluginHost::new(&EngineOptions::default()).unwrap());
        let found = |name: &str, role| scheduler(&registry, name, role).map(|found| found.is_some());
        for (name, role) in [("built-in", Role::Policy), ("in-order", Role::Policy), ("history", Role::Estimator)] {
            assert!(matches!(found(name, role), Ok(false)), "{name}: the built-in rule");
        }
        for (name, role) in [("history", Role::Policy), ("in-order", Role::Estimator), ("none", Role::Policy)] {
            assert!(found(name, role).is_err(), "{name}");
        }
        let wrong = |text: &str| {
            let file = HostFile::read(SourceText { path: "/c.toml".into(), text: text.into() }).unwrap();
            check_named(&file.config, &registry).map_err(|error| error.to_string())
        };
        assert_eq!(wrong("[build]\npolicy = 'built-in'\n"), Ok(()));
        for (text, place) in [
            ("[build]\nestimator = 'in-order'\n", "`[build] estimator` is wrong: there is no estimator"),
            ("[[rule]]\npolicy = 'fair-shar'\n", "a `[[rule]]` is wrong: there is no policy"),
            ("[[rule]]\n[rule.settings.fair-shar]\nweight = 1\n", "it has settings for `fair-shar`"),
        ] {
            let told = wrong(text).unwrap_err();
            assert!(told.contains(place), "{told}");
        }
    }
}
