//! `muster plugin list`.

use plugin_host::Description;

use crate::args::{GlobalArgs, PluginListArgs};
use crate::bundle::{self, BUNDLE};
use crate::commands::kept::kept;
use crate::commands::output::{columns, print};
use crate::config::find::Folders;
use crate::config::host::HostFile;
use crate::config::tree::TreeConfig;
use crate::exit::Exit;
use crate::plugins::{Loading, load};

/// Prints what builds on this host can use. One thread is enough: with compiled code at hand, loading is reading.
pub(super) fn run(global: &GlobalArgs, args: &PluginListArgs) -> anyhow::Result<Exit> {
    let folders = Folders::of_process();
    let host = HostFile::find(global.config.as_deref(), &folders)?;
    let kept = kept(None, &host, &folders)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tree = TreeConfig::default();
    let registry = runtime.block_on(load(Loading { host: &host, tree: &tree, files: &[], kept: &kept }))?;
    let plugins = registry.describe();
    if args.json {
        print(&serde_json::to_string(&plugins)?)?;
        return Ok(Exit::Passed);
    }
    let mut text = String::new();
    if BUNDLE.is_empty() {
        text += &format!("note: {}\n", bundle::EMPTY);
    }
    text += &columns(&plugins.iter().map(row).collect::<Vec<_>>());
    print(&text)?;
    Ok(Exit::Passed)
}

fn row(plugin: &Description) -> [String; 4] {
    let roles: Vec<String> = plugin.roles.iter().map(|role| format!("{} {}", role.role, role.version)).collect();
    [plugin.name.clone(), roles.join(", "), short(&plugin.digest), plugin.source.clone()]
}

fn short(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.chars().take(12).collect()
}
