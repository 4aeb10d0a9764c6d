//! `muster config`.

use std::path::Path;

use super::kept::kept;
use super::output::{columns, print};
use crate::args::{ConfigCommand, GlobalArgs};
use crate::assemble::{self, tree_folder};
use crate::config::find::{COORDINATOR, Folders};
use crate::config::host::HostFile;
use crate::config::show::{Places, Shown, shown};
use crate::config::tree::TreeFile;
use crate::exit::Exit;

/// Shows or checks the configuration of this host and of one tree.
pub(super) fn run(global: &GlobalArgs, command: &ConfigCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Show { path, json } => show(global, path, *json),
        ConfigCommand::Check { path } => check(global, path),
    }
}

fn read(global: &GlobalArgs, tree: &Path) -> anyhow::Result<(HostFile, TreeFile)> {
    tree_folder(tree)?;
    let host = HostFile::find(global.config.as_deref(), &Folders::of_process())?;
    let tree = TreeFile::find(tree)?;
    Ok((host, tree))
}

fn show(global: &GlobalArgs, path: &Path, json: bool) -> anyhow::Result<Exit> {
    let (host, tree) = read(global, path)?;
    let host_places = host.source.as_ref().map(Places::of).transpose().map_err(crate::config::ConfigError::from)?;
    let of_host = shown(&host.config, host.source.as_ref().zip(host_places.as_ref()));
    let of_tree = shown(&tree.config, tree.source.as_ref().map(|source| (source, &tree.places)));
    if json {
        print(&serde_json::json!({"host": of_host, "tree": of_tree}).to_string())?;
        return Ok(Exit::Passed);
    }
    let mut text = match &host.source {
        Some(source) => format!("# host: {}\n", source.path.display()),
        None => {
            let candidates = Folders::of_process().candidates(COORDINATOR);
            let names: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
            format!("# host: no file; looked for {}\n", names.join(", "))
        }
    };
    text += &columns(&rows(of_host));
    text += &match &tree.source {
        Some(source) => format!("\n# tree: {}\n", source.path.display()),
        None => format!("\n# tree: neither muster.toml nor [tool.muster] in {}\n", path.display()),
    };
    text += &columns(&rows(of_tree));
    print(&text)?;
    Ok(Exit::Passed)
}

fn rows(values: Vec<Shown>) -> Vec<[String; 3]> {
    let row = |value: Shown| {
        let shown = value.value.map_or_else(|| "(not set)".to_owned(), |text| format!("= {text}"));
        [value.key, shown, value.from]
    };
    values.into_iter().map(row).collect()
}

fn check(global: &GlobalArgs, path: &Path) -> anyhow::Result<Exit> {
    let (host, tree) = read(global, path)?;
    let kept = kept(None, &host, &Folders::of_process())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(assemble::check(&host, &tree, &kept))?;
    let name = |source: Option<&crate::config::located::SourceText>| {
        source.map_or_else(|| "no file, all defaults".to_owned(), |source| source.path.display().to_string())
    };
    print(&format!("host: {}\ntree: {}\ngood", name(host.source.as_ref()), name(tree.source.as_ref())))?;
    Ok(Exit::Passed)
}
