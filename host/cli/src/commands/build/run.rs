//! Drives one build: gives it its plugins, its pool and its stores, and passes on what it tells.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use coordinator::ports::{BuildPlan, BuilderConfig, Place, PluginSet, Source, TestPlan};
use coordinator::{Coordinator, CoordinatorConfig, JobSetup, Selection};
use engine::{BuildSpec, Phases};
use plugin_host::{PluginRegistry, Role};
use snapshot::archive::Compression;
use snapshot::source::{FoundBy, SourceListing};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use super::gather::{Chosen, Machines, Stores, choose, look, machines, plugin_files, stores, tidy};
use super::job::BuildJob;
use super::key::KeyParts;
use crate::exit::UsageError;
use crate::plugins::{Loading, load};
use crate::view::BuildUpdate;

/// What a phase is expected to take before anything is known of this project.
const UNKNOWN_MAKE: Duration = Duration::from_secs(30);
/// What a machine is expected to need until it answers, and to be set up.
const UNKNOWN_START: Duration = Duration::from_secs(2);

/// Runs a build to its end. Its last update is [`BuildUpdate::Done`].
///
/// # Errors
/// What kept it from having a report: configuration (a plugin that is not there), or a store that cannot be opened.
pub(super) async fn run(job: BuildJob, updates: Sender<BuildUpdate>, cancel: CancellationToken) -> anyhow::Result<()> {
    let listing = listing(&job).await?;
    // Nobody listening is no failure of the build; here and below.
    let (files, bytes) = (listing.files.len() as u64, listing.bytes);
    let _ = updates.send(BuildUpdate::Source { files, bytes, rev: listing.rev.to_string() }).await;
    if let FoundBy::Walk(why) = &listing.found_by {
        let _ = updates.send(BuildUpdate::Note(format!("everything in the tree is pushed: {why}"))).await;
    }
    let loading = Loading { host: &job.host, tree: &job.tree_file.config, files: &job.plugins, kept: &job.kept };
    let registry = load(loading).await?;
    check_sections(&job, &registry)?;
    let machines = machines(&job, &registry)?;
    for note in &machines.notes {
        let _ = updates.send(BuildUpdate::Note(note.clone())).await;
    }
    let result = submit(&job, &registry, listing, &machines, &updates, &cancel).await;
    // Whatever happened: no machine is left behind.
    machines.pool.shutdown().await;
    result
}

async fn listing(job: &BuildJob) -> anyhow::Result<Arc<SourceListing>> {
    let tree = job.tree.clone();
    let listed = tokio::task::spawn_blocking(move || snapshot::source::list(&tree)).await;
    let listing = listed.context("listing the tree panicked")?;
    Ok(Arc::new(listing.with_context(|| format!("failed to list the tree `{}`", job.tree.display()))?))
}

fn check_sections(job: &BuildJob, registry: &PluginRegistry) -> anyhow::Result<()> {
    let names: Vec<String> = registry.describe().into_iter().map(|plugin| plugin.name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(job.tree_file.check_sections(&names)?)
}

async fn submit(
    job: &BuildJob,
    registry: &PluginRegistry,
    listing: Arc<SourceListing>,
    machines: &Machines,
    updates: &Sender<BuildUpdate>,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let (pool, local) = (Arc::clone(&machines.pool), machines.local);
    let files = plugin_files(&listing);
    let Chosen { plugin, config } = choose(job, registry, &files).await?;
    let plugins = plugin_set(job, registry, plugin, &config)?;
    let env: Vec<(String, String)> =
        config.look_at_env.iter().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?))).collect();
    let found =
        look(&config.look_at, |name| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()));
    let source = Source {
        project: job.project.clone(),
        rev: listing.rev.to_string(),
        version: version(&listing),
        files,
        env,
        found,
        origin: local.then(|| job.tree.to_string_lossy().into_owned()),
    };
    let Stores { store, epoch, blobs } = stores(job).await?;
    if let Some(note) = tidy(job, &blobs).await {
        let _ = updates.send(BuildUpdate::Note(note)).await;
    }
    let plan = plan_ahead(&config, &plugins, &source, local).await?;
    let one_command = matches!(plan.tests, TestPlan::OneCommand(_));
    let spec = spec(job, &config, &plugins, &source, pool.as_ref(), one_command, &store).await?;
    let build = spec.build;
    let builder = plugins.builder.as_ref();
    let key = KeyParts { tree: listing.rev, builder, config: &config, source: &source, plan: &plan }.key();
    let setup = JobSetup {
        key,
        spec,
        config,
        source,
        listing,
        plugins,
        pool,
        blobs,
        compression: if local { Compression::None } else { Compression::Zstd },
        selection: Selection { run: job.select.clone() },
        output_dir: job.kept.state.join("output"),
        updates: updates.clone(),
    };
    let coordinator = Coordinator::start(CoordinatorConfig::default(), store.clone(), epoch.clone());
    let finished = coordinator.submit(setup, &store).await.context("failed to begin the build")?;
    tokio::pin!(finished);
    let finished = tokio::select! {
        finished = &mut finished => finished,
        () = cancel.cancelled() => {
            coordinator.cancel(build, "interrupted").await;
            finished.await
        }
    };
    let retired = store.retire_epoch(&epoch).await;
    store.close().await;
    finished.context("failed to finish the build")?;
    retired.context("failed to give up the right to write records")
}

/// `git describe`, where git knows the tree.
fn version(listing: &SourceListing) -> Option<String> {
    match &listing.found_by {
        FoundBy::Git(git) => git.describe.clone(),
        FoundBy::Walk(_) => None,
    }
}

fn plugin_set(
    job: &BuildJob,
    registry: &PluginRegistry,
    builder: Arc<dyn coordinator::ports::Builder>,
    config: &BuilderConfig,
) -> anyhow::Result<PluginSet> {
    let get = |name: &str, role| {
        registry
            .get(name, role)
            .map_err(|fault| UsageError::new(fault.detail, "`muster plugin list` shows what there is"))
    };
    // The built-in rule answers where no plugin is asked for, and where the default is not in this binary.
    let wanted = |name: &str, role: Role| {
        let default = crate::config::host::BuildSection::default();
        let is_default = name == default.policy || name == default.estimator;
        name != "built-in" && !(is_default && registry.get(name, role).is_err())
    };
    let policy = if wanted(&job.policy, Role::Policy) { get(&job.policy, Role::Policy)?.policy(None) } else { None };
    let estimator = if wanted(&job.estimator, Role::Estimator) {
        get(&job.estimator, Role::Estimator)?.estimator(None)
    } else {
        None
    };
    let parser = match &config.parser {
        Some((name, settings)) => {
            let settings = (!settings.trim().is_empty()).then(|| settings.clone());
            get(name, Role::Parser)?.parser(settings)
        }
        None => None,
    };
    Ok(PluginSet { builder, estimator, policy, parser })
}

async fn spec(
    job: &BuildJob,
    config: &BuilderConfig,
    plugins: &PluginSet,
    source: &Source,
    pool: &dyn pool::Pool,
    one_command: bool,
    store: &store::Store,
) -> anyhow::Result<BuildSpec> {
    for host_type in [&config.make_host_type, &config.test_host_type] {
        pool.can_build(host_type).await.map_err(|refusal| {
            UsageError::new(
                format!(
                    "the pool has no machines of host type `{host_type}`, which builder `{}` wants: {refusal}",
                    config.name
                ),
                "choose another with `--pool`, or a builder for the machines there are",
            )
        })?;
    }
    let capacity = pool.capacity(&config.test_host_type).await;
    let possible = capacity.total.map_or(u32::MAX, |total| total.saturating_sub(1));
    let asked = job.helpers.or(config.helpers).unwrap_or(possible.min(DEFAULT_HELPERS));
    let mut named = vec![("builder".to_owned(), plugins.builder.plugin().clone())];
    named.extend(plugins.estimator.as_ref().map(|plugin| ("estimator".to_owned(), plugin.plugin().clone())));
    named.extend(plugins.policy.as_ref().map(|plugin| ("policy".to_owned(), plugin.plugin().clone())));
    named.extend(plugins.parser.as_ref().map(|plugin| ("parser".to_owned(), plugin.plugin().clone())));
    Ok(BuildSpec {
        build: store.next_build().await.context("failed to number the build")?,
        project: job.project.clone(),
        builder: config.name.clone(),
        rev: source.rev.clone(),
        make_host_type: config.make_host_type.clone(),
        test_host_type: config.test_host_type.clone(),
        max_helpers: if one_command { 0 } else { asked.min(possible) },
        elastic: capacity.elastic,
        priority: 0,
        fail_fast: !job.keep_going.unwrap_or(config.keep_going),
        reuse_snapshot: !job.fresh,
        retries: job.retries,
        one_command,
        parsed: plugins.parser.is_some(),
        phases: Phases {
            make: UNKNOWN_MAKE,
            machine_start: UNKNOWN_START,
            setup: UNKNOWN_START,
            exec_overhead: config.exec_overhead,
        },
        limits: job.limits.clone(),
        plugins: named,
    })
}

/// The most helpers of a pool that does not say how many machines it can have.
const DEFAULT_HELPERS: u32 = 16;

/// The work directory of a machine that is not there yet: that of x/build's buildlets.
const NOBODYS_WORK_DIR: &str = "/workdir";

/// The plan for a machine that nobody knows yet. It is asked for again, with the real place, once there is one.
async fn plan_ahead(
    config: &BuilderConfig,
    plugins: &PluginSet,
    source: &Source,
    local: bool,
) -> anyhow::Result<BuildPlan> {
    let place = Place {
        work_dir: NOBODYS_WORK_DIR.into(),
        tree: format!("{NOBODYS_WORK_DIR}/{}", config.root),
        attempt_dir: format!("{NOBODYS_WORK_DIR}/.attempt"),
        os: config.os.clone(),
        arch: config.arch.clone(),
        host_type: config.make_host_type.clone(),
        local,
    };
    plugins.builder.plan(&config.name, source, &place).await.map_err(|fault| {
        UsageError::new(format!("builder `{}` cannot plan this tree: {}", config.name, fault.detail), "").into()
    })
}
