//! The builder: the one that was named, else the one that knows the tree.

use std::sync::Arc;

use anyhow::Context;
use coordinator::ports::{Builder, BuilderConfig, SourceFile};
use plugin_host::{PluginRegistry, Role};

use crate::assemble::BuildJob;
use crate::config::nearest::nearest;
use crate::exit::UsageError;

/// A builder, and the plugin it comes from.
pub(crate) struct Chosen {
    /// The plugin.
    pub(crate) plugin: Arc<dyn Builder>,
    /// The builder.
    pub(crate) config: BuilderConfig,
}

/// Chooses the builder.
///
/// # Errors
/// None fits, several do, or the one that was named is not there: a usage error that says which there are.
pub(crate) async fn choose(job: &BuildJob, registry: &PluginRegistry, files: &[SourceFile]) -> anyhow::Result<Chosen> {
    let plugins: Vec<Arc<dyn Builder>> =
        registry.with_role(Role::Builder).iter().filter_map(|generation| generation.builder(None)).collect();
    match &job.builder {
        Some(name) => named(name, &plugins).await,
        None => detected(job, &plugins, files).await,
    }
}

async fn configure(plugin: &Arc<dyn Builder>) -> anyhow::Result<Vec<BuilderConfig>> {
    plugin.configure().await.map_err(|fault| {
        // What a builder says of its settings is what is wrong with the configuration.
        UsageError::new(
            format!("the builder plugin `{}` does not take its settings: {}", plugin.plugin().name, fault.detail),
            "",
        )
        .into()
    })
}

async fn named(name: &str, plugins: &[Arc<dyn Builder>]) -> anyhow::Result<Chosen> {
    let mut names = Vec::new();
    let mut refused = None;
    for plugin in plugins {
        match configure(plugin).await {
            Ok(configs) => {
                for config in configs {
                    if config.name == name {
                        return Ok(Chosen { plugin: Arc::clone(plugin), config });
                    }
                    names.push(config.name);
                }
            }
            Err(error) if plugin.plugin().name == name => return Err(error),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if let Some(error) = refused.filter(|_| names.is_empty()) {
        return Err(error);
    }
    let hint = nearest(name, names.iter().map(String::as_str))
        .map_or_else(|| format!("there are: {}", list(&names)), |near| format!("did you mean `{near}`?"));
    Err(UsageError::new(format!("there is no builder `{name}`"), hint).into())
}

async fn detected(job: &BuildJob, plugins: &[Arc<dyn Builder>], files: &[SourceFile]) -> anyhow::Result<Chosen> {
    let mut fitting: Vec<(Arc<dyn Builder>, String)> = Vec::new();
    for plugin in plugins {
        let name = &plugin.plugin().name;
        match plugin.detect(files).await {
            Ok(Some(builder)) => fitting.push((Arc::clone(plugin), builder)),
            Ok(None) => {}
            Err(fault) => tracing::warn!("the builder plugin `{name}` could not look at the tree: {fault}"),
        }
    }
    // A tree that has a section for a builder says which one it means.
    let has_section = |name: &str| job.tree_file.config.sections.contains_key(name);
    if fitting.len() > 1 && fitting.iter().any(|(plugin, _)| has_section(&plugin.plugin().name)) {
        fitting.retain(|(plugin, _)| has_section(&plugin.plugin().name));
    }
    match fitting.as_slice() {
        [(plugin, name)] => {
            let configs = configure(plugin).await?;
            let config = configs.into_iter().find(|config| config.name == *name).with_context(|| {
                format!("plugin `{}` detects builder `{name}`, which it does not have", plugin.plugin().name)
            })?;
            Ok(Chosen { plugin: Arc::clone(plugin), config })
        }
        [] => {
            let names: Vec<String> = plugins.iter().map(|plugin| plugin.plugin().name.clone()).collect();
            Err(UsageError::new(
                format!("no builder knows how to build `{}`", job.tree.display()),
                format!(
                    "write a muster.toml with a `[command]` section, or choose with `--builder NAME` (builder plugins: {})",
                    list(&names)
                ),
            )
            .into())
        }
        several => {
            let names: Vec<String> = several.iter().map(|(_, name)| name.clone()).collect();
            let hint = format!(
                "choose with `--builder NAME`, or `builder = \"NAME\"` in the tree's muster.toml: {}",
                list(&names)
            );
            Err(UsageError::new("several builders know this tree", hint).into())
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
