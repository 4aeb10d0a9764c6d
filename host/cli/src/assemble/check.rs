//! Whether a configuration can be used: what it names is there.

use plugin_host::Role;

use super::named::check_named;
use super::pools::read_urls;
use crate::commands::kept::Scratch;
use crate::config::find::Kept;
use crate::config::host::{BuildSection, HostConfig, HostFile, PoolKind};
use crate::config::tree::TreeFile;
use crate::exit::UsageError;
use crate::plugins::{Loading, load};

/// Looks at what the host's file names, under this tree's settings. Nothing is kept of it.
///
/// # Errors
/// The first that cannot be used.
pub(crate) async fn check(host: &HostFile, tree: &TreeFile, kept: &Kept) -> anyhow::Result<()> {
    let config = &host.config;
    for section in config.pool.values() {
        read_urls(host, section)?;
    }
    // Plugins that nobody says anything of are as they were built in, and loading them takes its time.
    if !names_plugins(config) {
        return Ok(());
    }
    let scratch = Scratch::over(kept)?;
    let registry = load(Loading { host, tree: &tree.config, files: &[], kept: &scratch.kept }).await?;
    check_named(config, &registry)?;
    for (name, section) in config.pool.iter().filter(|(_, section)| section.kind == PoolKind::Plugin) {
        let found = registry.get(section.plugin.as_deref().unwrap_or(name), Role::Pool);
        found.map_err(|fault| UsageError::new(format!("the pool `{name}` cannot be used: {}", fault.detail), ""))?;
    }
    Ok(())
}

fn names_plugins(config: &HostConfig) -> bool {
    let (build, default) = (&config.build, BuildSection::default());
    !config.plugins.is_empty()
        || !config.rule.is_empty()
        || (&build.policy, &build.estimator) != (&default.policy, &default.estimator)
        || config.pool.values().any(|section| section.kind == PoolKind::Plugin)
}
