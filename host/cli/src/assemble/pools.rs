//! The pool that was chosen.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use buildlet::BuildletUrl;
use plugin_host::PluginRegistry;
use pool::by_url::UrlSettings;
use pool::local::{LocalSettings, MachineLimits};
use pool::plugin::{PluginPool, PluginSettings};
use pool::{LocalPool, Pool, UrlPool};

use super::urls;
use crate::assemble::{PoolChoice, Survival};
use crate::config::find::Kept;
use crate::config::host::{HostFile, PoolKind, PoolSection};
use crate::config::nearest::nearest;
use crate::exit::UsageError;
use crate::plugins::PluginMachines;

/// A pool, and what is known of its machines beforehand.
pub(crate) struct Machines {
    pub(crate) pool: Arc<dyn Pool>,
    /// Its machines are processes on this one, and see this one's files.
    pub(crate) local: bool,
    /// What it cannot do, in words.
    pub(crate) notes: Vec<String>,
}

/// What a pool is opened with.
#[derive(Clone, Copy)]
pub(crate) struct PoolGround<'a> {
    /// The host's configuration.
    pub(crate) host: &'a HostFile,
    /// The folders of what is kept.
    pub(crate) kept: &'a Kept,
    /// The helpers that are wanted: a local pool has room for as many unless its section says how many there are.
    pub(crate) helpers: Option<u32>,
    /// What machines need to outlive this process; without it they end with it.
    pub(crate) survival: Option<&'a Survival>,
}

/// Opens the pool.
///
/// # Errors
/// There is no such pool, or it cannot be opened.
pub(crate) async fn machines(
    choice: &PoolChoice,
    ground: PoolGround<'_>,
    registry: &PluginRegistry,
) -> anyhow::Result<Machines> {
    match choice {
        PoolChoice::Urls(urls) => by_url(ground, "url", urls.clone(), &PoolSection::default()).await,
        PoolChoice::Named(name) => {
            let of_config = ground.host.config.pool.get(name);
            match of_config {
                None if name == "local" => local(ground, name, &PoolSection::default()),
                // A pool plugin needs no section where its defaults will do.
                None => {
                    let section = PoolSection { kind: PoolKind::Plugin, ..PoolSection::default() };
                    of_plugin(ground, name, &section, registry).await
                }
                Some(section) => match section.kind {
                    PoolKind::Local => local(ground, name, section),
                    PoolKind::Url => by_url(ground, name, read_urls(ground.host, section)?, section).await,
                    PoolKind::Plugin => of_plugin(ground, name, section, registry).await,
                },
            }
        }
    }
}

fn local(ground: PoolGround<'_>, name: &str, section: &PoolSection) -> anyhow::Result<Machines> {
    let mut settings = LocalSettings::new(this_binary()?, ground.kept.state.join("buildlets"));
    settings.name = name.to_owned();
    ground.host.config.limits.apply_to(&mut settings.client);
    settings.host_types.clone_from(&section.host_types);
    match (section.buildlets, ground.helpers) {
        (Some(count), _) => settings.count = count.max(1),
        (None, Some(helpers)) => settings.count = settings.count.max(helpers.saturating_add(1)),
        (None, None) => {}
    }
    settings.survive = ground.survival.map(|survival| survival.window);
    settings.limits = MachineLimits {
        memory_bytes: section.memory.map(|size| size.0),
        cpu_millis: section.cpus.map(|cpus| (cpus * 1000.0).round() as u64),
    };
    let pool = LocalPool::new(settings).context("failed to prepare the local pool")?;
    let notes = pool.notes().to_vec();
    Ok(Machines { pool: Arc::new(pool), local: true, notes })
}

/// The URLs of a pool's machines.
///
/// # Errors
/// A file cannot be read, is not its owner's alone, or holds no URL.
pub(crate) fn read_urls(host: &HostFile, section: &PoolSection) -> Result<Vec<BuildletUrl>, UsageError> {
    section.url_files.iter().map(|file| urls::in_file(&host.resolve(file))).collect()
}

async fn by_url(
    ground: PoolGround<'_>,
    name: &str,
    urls: Vec<BuildletUrl>,
    section: &PoolSection,
) -> anyhow::Result<Machines> {
    let mut settings =
        UrlSettings { name: name.to_owned(), host_types: section.host_types.clone(), ..UrlSettings::default() };
    ground.host.config.limits.apply_to(&mut settings.client);
    let pool = match ground.survival {
        Some(survival) => {
            let opened = UrlPool::open(urls, settings, survival.ledger(name)).await;
            opened.context("failed to open a pool of machines by URL")?
        }
        None => UrlPool::new(urls, settings),
    };
    Ok(Machines { pool: Arc::new(pool), local: false, notes: Vec::new() })
}

async fn of_plugin(
    ground: PoolGround<'_>,
    name: &str,
    section: &PoolSection,
    registry: &PluginRegistry,
) -> anyhow::Result<Machines> {
    let plugin = section.plugin.as_deref().unwrap_or(name);
    let generation = registry.get(plugin, plugin_host::Role::Pool).map_err(|fault| {
        let configured = ground.host.config.pool.keys().map(String::as_str).chain(["local"]);
        let hint = nearest(name, configured).map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
        UsageError::new(format!("there is no pool `{name}`: {}", fault.detail), hint)
    })?;
    let text = serde_json::to_string(&section.settings).context("failed to read settings as JSON")?;
    // What the section says; else the plugin's own settings.
    let settings = (!section.settings.is_empty()).then_some(text);
    let source = generation.pool(settings).context("failed to use a pool plugin as one")?;
    let coordinator = match ground.survival {
        Some(survival) => survival.installation.clone(),
        None => coordinator_name(&ground.kept.state),
    };
    let mut settings = PluginSettings::new(name, coordinator, run_name());
    settings.agent_binary = this_binary()?;
    ground.host.config.limits.apply_to(&mut settings.client);
    settings.host_types.clone_from(&section.host_types);
    // A build without its main machine would wait for ever.
    settings.most = section.buildlets.map(|count| count.max(1));
    if let Some(life) = section.max_life {
        settings.max_life = life.0;
    }
    let source = Arc::new(PluginMachines(source));
    let pool = match ground.survival {
        Some(survival) => {
            let opened = PluginPool::open(source, settings, survival.ledger(name)).await;
            opened.context("failed to open a pool plugin's pool")?
        }
        None => PluginPool::new(source, settings),
    };
    Ok(Machines { pool: Arc::new(pool), local: false, notes: Vec::new() })
}

fn this_binary() -> anyhow::Result<std::path::PathBuf> {
    std::env::current_exe().context("failed to find the muster binary itself")
}

/// The same for every run over one state folder of this machine, so that machines left by one are found by the next, and
/// another machine's are not.
fn coordinator_name(state: &Path) -> String {
    let machine = rustix::system::uname().nodename().to_bytes().to_vec();
    let digest = snapshot::Digest::of(&[&machine, state.as_os_str().as_encoded_bytes()].join(&0)).to_string();
    digest[..12].to_owned()
}

fn run_name() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", since.as_secs(), std::process::id())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_build_has_more_buildlets_than_the_host_says() {
        let home = tempfile::tempdir().unwrap();
        let kept = Kept { state: home.path().to_owned(), compiled: home.path().join("compiled") };
        let host = HostFile::default();
        let ground = PoolGround { host: &host, kept: &kept, helpers: Some(500), survival: None };
        for (name, buildlets, most) in [("bounded", Some(2), 2), ("free", None, 501)] {
            let section = PoolSection { buildlets, ..PoolSection::default() };
            let machines = local(ground, name, &section).unwrap();
            assert_eq!(machines.pool.capacity("").await.total, Some(most), "{name}");
        }
    }
}
