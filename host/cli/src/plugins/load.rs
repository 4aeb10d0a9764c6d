//! Loads them: bundled ones first, then the host's, then those of the command line; a later one of the same name wins.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use plugin_host::{EngineOptions, PluginHost, PluginRegistry, Source};

use super::plugin_settings;
use crate::bundle::BUNDLE;
use crate::config::find::Kept;
use crate::config::host::HostFile;
use crate::config::nearest::nearest;
use crate::config::tree::TreeConfig;
use crate::exit::{self, UsageError};

/// What is loaded, and with which settings.
#[derive(Clone, Copy, Debug)]
pub struct Loading<'a> {
    /// The host's configuration.
    pub host: &'a HostFile,
    /// The tree's.
    pub tree: &'a TreeConfig,
    /// Components of the command line.
    pub files: &'a [PathBuf],
    /// The folders of plugins' values and of compiled code.
    pub kept: &'a Kept,
}

/// Loads every plugin. Compiled code is kept, so that only the first time takes long.
///
/// # Errors
/// A plugin that was asked for cannot be loaded; the message says which, and what to do.
pub async fn load(loading: Loading<'_>) -> anyhow::Result<PluginRegistry> {
    let Kept { state, compiled } = loading.kept;
    for folder in [Some(state.as_path()), compiled.parent()].into_iter().flatten() {
        // Trees and logs are nobody's business but this account's.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
    }
    let options = EngineOptions { cache_folder: Some(compiled.clone()), ..EngineOptions::default() };
    let host = PluginHost::new(&options).context("failed to start the plugin host")?;
    let registry = PluginRegistry::new(host);
    for plugin in BUNDLE {
        let section = loading.host.config.plugins.get(plugin.name);
        if section.is_some_and(|section| section.source.is_some()) {
            continue;
        }
        let settings = plugin_settings(plugin.name, loading.host, loading.tree, &loading.kept.state)?;
        registry
            .add_bytes(plugin.name, Source::Bundled, plugin.bytes, settings)
            .await
            .with_context(|| format!("failed to use the bundled plugin `{}`", plugin.name))?;
    }
    for (name, section) in &loading.host.config.plugins {
        match &section.source {
            Some(source) => add_file(&registry, name, &loading.host.resolve(source), loading).await?,
            None if BUNDLE.iter().any(|plugin| plugin.name == name) => {}
            None if loading.files.iter().any(|file| name_of(file) == *name) => {}
            None => return Err(no_source(name).into()),
        }
    }
    for file in loading.files {
        add_file(&registry, &name_of(file), file, loading).await?;
    }
    Ok(registry)
}

async fn add_file(registry: &PluginRegistry, name: &str, file: &Path, loading: Loading<'_>) -> anyhow::Result<()> {
    let settings = plugin_settings(name, loading.host, loading.tree, &loading.kept.state)?;
    let added = registry.add_file(name, file, settings).await;
    added.map(drop).map_err(|error| {
        let why = exit::describe(&anyhow::Error::from(error));
        UsageError::new(format!("failed to use the plugin `{name}`: {why}"), "").into()
    })
}

/// A component's file names it: `builder-make.wasm` is `builder-make`, and so is `builder_make.wasm`, as Rust writes it.
fn name_of(file: &Path) -> String {
    file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().replace('_', "-"))
}

fn no_source(name: &str) -> UsageError {
    let near = nearest(name, BUNDLE.iter().map(|plugin| plugin.name));
    UsageError::new(
        format!("the section `[plugins.{name}]` names no `source`, and no plugin of that name is bundled"),
        near.map_or_else(|| "write `source = \"FILE.wasm\"`".to_owned(), |near| format!("did you mean `{near}`?")),
    )
}
