//! What the service asks of this program: plans for builds, views of what there is, reloads and rollbacks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use async_trait::async_trait;
use coordinator::now;
use engine::BuildId;
use plugin_host::{Role, short};
use service::Submission;
use service::generations::{ROLLBACK, before};
use service::ports::{BuilderView, PlanRefused, Planned, Planner, PluginChange, PluginView, PoolView, ReloadReport};
use store::{GenerationRow, ServiceEvent};
use tokio::sync::Mutex;

use super::pool_views::{pool_view, unused_view};
use super::shelf::{Pin, Pins, Swap};
use super::workshop::{Asked, Workshop};
use crate::config::host::HostFile;
use crate::config::tree::TreeConfig;
use crate::exit;

/// The service's planner.
pub(super) struct HostPlanner {
    workshop: Arc<Workshop>,
    /// Where the configuration is; none is what is built in.
    file: Option<PathBuf>,
    /// What was changed of it on the command line.
    adjust: Box<dyn Fn(&mut HostFile) + Send + Sync>,
    builders: RwLock<Vec<BuilderView>>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl HostPlanner {
    /// A planner over an open workshop. `adjust` is done to each configuration that is read.
    pub(super) async fn new(
        workshop: Arc<Workshop>,
        file: Option<PathBuf>,
        adjust: impl Fn(&mut HostFile) + Send + Sync + 'static,
    ) -> HostPlanner {
        let adjust = Box::new(adjust);
        let planner = HostPlanner { workshop, file, adjust, builders: RwLock::default(), changing: Mutex::default() };
        planner.look_at_builders().await;
        planner
    }

    /// Asks the builder plugins what they have now. One that refuses is said in the log, and has none.
    async fn look_at_builders(&self) {
        let shelf = &self.workshop.shelf;
        let registry = match shelf.registry(&shelf.current(), &TreeConfig::default()) {
            Ok(registry) => registry,
            Err(error) => return tracing::warn!("the builders are not known: {}", exit::describe(&error)),
        };
        let mut views = Vec::new();
        for plugin in registry.with_role(Role::Builder).iter().filter_map(|generation| generation.builder(None)) {
            let name = plugin.plugin().name.clone();
            match plugin.configure().await {
                Ok(configs) => views.extend(configs.into_iter().map(|config| BuilderView {
                    name: config.name,
                    description: config.description,
                    plugin: name.clone(),
                    make_host_type: config.make_host_type,
                    test_host_type: config.test_host_type,
                    try_only: config.try_only,
                    owner: config.owner,
                    notes: config.notes,
                })),
                Err(fault) => tracing::warn!(plugin = name, "it has no builder: {}", fault.detail),
            }
        }
        *self.builders.write().unwrap_or_else(PoisonError::into_inner) = views;
    }

    /// The host types that builders ask for, each once.
    fn host_types(&self) -> Vec<String> {
        let of = |builder: BuilderView| [builder.make_host_type, builder.test_host_type];
        self.builders().into_iter().flat_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn read(&self) -> anyhow::Result<HostFile> {
        let mut host = match &self.file {
            Some(file) => HostFile::find(Some(file), &crate::config::find::Folders::default())?,
            None => HostFile::default(),
        };
        (self.adjust)(&mut host);
        Ok(host)
    }

    async fn change(&self, who: &str, pins: Pins) -> anyhow::Result<ReloadReport> {
        let host = self.read()?;
        let swaps = self.workshop.shelf.replace(host, &pins).await?;
        self.look_at_builders().await;
        // They are swapped already: what cannot be noted takes nothing back.
        let mut notes = Vec::new();
        for swap in &swaps {
            if let Err(error) = self.note(who, swap, &pins).await {
                notes.push(format!("the swap of `{}` is not noted: {}", swap.plugin, exit::describe(&error)));
            }
        }
        let changed =
            swaps.into_iter().map(|swap| PluginChange { plugin: swap.plugin, from: swap.before, to: swap.after });
        Ok(ReloadReport { changed: changed.collect(), notes })
    }

    /// A swap is an event with who and when, and a generation that a rollback can return to.
    async fn note(&self, who: &str, swap: &Swap, pins: &Pins) -> anyhow::Result<()> {
        let store = &self.workshop.store;
        tracing::info!(plugin = swap.plugin, from = swap.before, to = swap.after, who, "plugin swapped");
        if let Some(digest) = &swap.after {
            let pin = pins.get(&swap.plugin).filter(|pin| pin.to == *digest);
            let source = pin.map_or_else(|| swap.source.clone(), |pin| format!("{ROLLBACK}{}", pin.of));
            let row = GenerationRow {
                plugin: swap.plugin.clone(),
                digest: digest.clone(),
                at: now(),
                who: who.to_owned(),
                source,
            };
            store.record_generation(&row).await.context("failed to note the generation of a plugin")?;
        }
        let detail = serde_json::json!({ "from": swap.before, "to": swap.after, "source": swap.source });
        let event = ServiceEvent {
            at: now(),
            who: who.to_owned(),
            kind: "plugin-swapped".to_owned(),
            subject: swap.plugin.clone(),
            detail_json: detail.to_string(),
        };
        store.add_event(&event).await.context("failed to note the swap of a plugin")?;
        Ok(())
    }

    /// A change that was refused is an event, too.
    async fn refused(&self, who: &str, what: &str, error: &anyhow::Error) -> PlanRefused {
        let text = exit::describe(error);
        tracing::error!(who, "{what} refused, everything stays as it was: {text}");
        let detail = serde_json::json!({ "error": text }).to_string();
        let (at, who, kind) = (now(), who.to_owned(), format!("{what}-refused"));
        let event = ServiceEvent { at, who, kind, subject: "configuration".to_owned(), detail_json: detail };
        if let Err(error) = self.workshop.store.add_event(&event).await {
            tracing::warn!(%error, "an event is not kept");
        }
        PlanRefused { what: text, hint: "nothing was changed; mend it and reload again".to_owned() }
    }
}

/// The rollbacks that hold.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn pins(store: &store::Store, plugins: impl Iterator<Item = String>) -> anyhow::Result<Pins> {
    let mut pins = BTreeMap::new();
    for plugin in plugins {
        let newest = store.generations(&plugin).await.context("failed to read the generations of a plugin")?;
        let Some(newest) = newest.into_iter().next() else { continue };
        if let Some(of) = newest.source.strip_prefix(ROLLBACK) {
            pins.insert(plugin, Pin { of: of.to_owned(), to: newest.digest });
        }
    }
    Ok(pins)
}

#[async_trait]
impl Planner for HostPlanner {
    async fn plan(&self, build: BuildId, submission: &Submission) -> Result<Planned, PlanRefused> {
        let planned = self.workshop.plan(&Asked::from(submission), build).await;
        let (spec, log, pinned) = planned.map_err(|error| {
            let (what, hint) = exit::what_and_hint(&error);
            PlanRefused { what, hint }
        })?;
        let pinned = serde_json::to_value(pinned).expect("settings have string keys");
        Ok(Planned { spec, log, pinned })
    }

    fn builders(&self) -> Vec<BuilderView> {
        self.builders.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn plugins(&self) -> Vec<PluginView> {
        let shelf = &self.workshop.shelf;
        let Ok(registry) = shelf.registry(&shelf.current(), &TreeConfig::default()) else { return Vec::new() };
        let view = |plugin: plugin_host::Description| PluginView {
            version: plugin.roles.first().map(|role| role.version.clone()).unwrap_or_default(),
            roles: plugin.roles.into_iter().map(|role| role.role).collect(),
            name: plugin.name,
            digest: plugin.digest,
            grants: plugin.grants,
            source: plugin.source,
            quarantined: plugin.quarantined_seconds.is_some(),
        };
        registry.describe().into_iter().map(view).collect()
    }

    async fn pools(&self) -> Vec<PoolView> {
        let (shelved, host_types) = (self.workshop.shelf.current(), self.host_types());
        let open = self.workshop.pools.all().await;
        let mut views = Vec::new();
        for (name, machines) in &open {
            views.push(pool_view(name, &shelved.host, machines.pool.as_ref(), &host_types).await);
        }
        let config = &shelved.host.config;
        let named: BTreeSet<&String> = config.pool.keys().chain([&config.build.pool]).collect();
        let unused = named.into_iter().filter(|name| open.iter().all(|(open, _)| open != *name));
        views.extend(unused.map(|name| unused_view(name, &shelved.host)));
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    async fn reload(&self, who: &str) -> Result<ReloadReport, PlanRefused> {
        let _one = self.changing.lock().await;
        let changed = async {
            let names = self.workshop.shelf.current().names();
            self.change(who, pins(&self.workshop.store, names.into_iter()).await?).await
        };
        match changed.await {
            Ok(report) => Ok(report),
            Err(error) => Err(self.refused(who, "reload", &error).await),
        }
    }

    async fn rollback(&self, plugin: &str, who: &str) -> Result<ReloadReport, PlanRefused> {
        let _one = self.changing.lock().await;
        let changed = async {
            let shelved = self.workshop.shelf.current();
            let current = shelved.component(plugin).with_context(|| format!("there is no plugin `{plugin}`"))?;
            let store = &self.workshop.store;
            let generations = store.generations(plugin).await.context("failed to read the generations")?;
            let mut pins = pins(store, shelved.names().into_iter()).await?;
            // A pin is of what its source has, also when it is moved further back.
            let pin = pins.get(plugin).filter(|pin| pin.to == current.digest);
            let of = pin.map_or_else(|| current.digest.clone(), |pin| pin.of.clone());
            let earlier = before(&generations, &current.digest)
                .with_context(|| format!("plugin `{plugin}` has no generation before {}", short(&current.digest)))?;
            pins.insert(plugin.to_owned(), Pin { of, to: earlier.to_owned() });
            self.change(who, pins).await
        };
        match changed.await {
            Ok(report) => Ok(report),
            Err(error) => Err(self.refused(who, "rollback", &error).await),
        }
    }
}
