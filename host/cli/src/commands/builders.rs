//! `muster builders`.

use coordinator::ports::BuilderConfig;
use plugin_host::{PluginRegistry, Role};
use serde_json::json;

use super::kept::kept;
use super::output::{columns, print, warn};
use crate::args::{BuildersArgs, GlobalArgs};
use crate::assemble::tree_folder;
use crate::config::find::Folders;
use crate::config::host::HostFile;
use crate::config::tree::TreeFile;
use crate::exit::Exit;
use crate::plugins::{Loading, load, plugin_file};

/// Prints every builder that a build of this tree could name.
pub(super) fn run(global: &GlobalArgs, args: &BuildersArgs) -> anyhow::Result<Exit> {
    let folders = Folders::of_process();
    let host = HostFile::find(global.config.as_deref(), &folders)?;
    let kept = kept(None, &host, &folders)?;
    let tree = TreeFile::find(&tree_folder(&args.path)?)?;
    let files = args.plugin.iter().map(|file| plugin_file(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(async {
        let registry = load(Loading { host: &host, tree: &tree.config, files: &files, kept: &kept }).await?;
        anyhow::Ok(builders(&registry).await)
    })?;
    for refusal in &found.refusals {
        warn(refusal);
    }
    let pool = &host.config.build.pool;
    if args.json {
        let rows: Vec<_> = found.builders.iter().map(|(plugin, config)| object(plugin, pool, config)).collect();
        print(&serde_json::to_string(&rows)?)?;
        return Ok(Exit::Passed);
    }
    let head = ["name", "host type", "pool", "helpers", "owner", "notes"].map(str::to_owned);
    let rows: Vec<_> =
        std::iter::once(head).chain(found.builders.iter().map(|(_, config)| row(pool, config))).collect();
    print(&columns(&rows))?;
    Ok(Exit::Passed)
}

/// What the plugins have.
#[derive(Default)]
struct Found {
    /// With the plugin that each comes from.
    builders: Vec<(String, BuilderConfig)>,
    /// Plugins that have none under these settings, and why.
    refusals: Vec<String>,
}

async fn builders(registry: &PluginRegistry) -> Found {
    let mut found = Found::default();
    for plugin in registry.with_role(Role::Builder).iter().filter_map(|generation| generation.builder(None)) {
        let name = plugin.plugin().name.clone();
        match plugin.configure().await {
            Ok(configs) => found.builders.extend(configs.into_iter().map(|config| (name.clone(), config))),
            Err(fault) => found.refusals.push(format!("the plugin `{name}` has no builder here: {}", fault.detail)),
        }
    }
    found
}

fn row(pool: &str, config: &BuilderConfig) -> [String; 6] {
    let helpers = config.helpers.map_or_else(|| "any".to_owned(), |helpers| helpers.to_string());
    let host_type = if config.make_host_type == config.test_host_type {
        config.make_host_type.clone()
    } else {
        format!("{}, tests {}", config.make_host_type, config.test_host_type)
    };
    let try_only = if config.try_only { "only for unmerged changes" } else { "" };
    let notes: Vec<&str> = [config.notes.as_str(), try_only].into_iter().filter(|note| !note.is_empty()).collect();
    [config.name.clone(), host_type, pool.to_owned(), helpers, config.owner.clone(), notes.join("; ")]
}

/// A contract for scripts: members are added, never changed.
fn object(plugin: &str, pool: &str, config: &BuilderConfig) -> serde_json::Value {
    json!({
        "name": config.name,
        "description": config.description,
        "plugin": plugin,
        "host_type": config.make_host_type,
        "test_host_type": config.test_host_type,
        "pool": pool,
        "helpers": config.helpers,
        "try_only": config.try_only,
        "os": config.os,
        "arch": config.arch,
        "owner": config.owner,
        "notes": config.notes,
    })
}
