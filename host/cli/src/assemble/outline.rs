//! A build in outline: its builder, its plugins, its plan; and from that what the engine and its effects are given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coordinator::ports::{BuildPlan, BuilderConfig, Place, PluginSet, Purpose, Source, TestPlan};
use coordinator::{JobSetup, Selection, expected_phases};
use engine::{BuildId, BuildSpec, Phases};
use plugin_host::{PluginRegistry, Role};
use pool::Pool;
use snapshot::archive::Compression;
use snapshot::blob::BlobStore;
use snapshot::key::TrustDomain;
use snapshot::source::{FoundBy, SourceListing};
use tokio::sync::mpsc::Sender;

use super::BuildJob;
use super::builder::{Chosen, choose};
use super::key::KeyParts;
use super::look::look;
use super::named::{SHOWN, scheduler};
use super::tree::plugin_files;
use crate::exit::UsageError;
use crate::view::BuildUpdate;

/// What a phase is expected to take before anything is known of this project.
const UNKNOWN_MAKE: Duration = Duration::from_secs(30);
/// What a machine is expected to need until it answers, and to be set up.
const UNKNOWN_START: Duration = Duration::from_secs(2);
/// The most helpers of a pool that does not say how many machines it can have.
const DEFAULT_HELPERS: u32 = 16;
/// The work directory of a machine that is not there yet: that of x/build's buildlets.
const NOBODYS_WORK_DIR: &str = "/workdir";

/// A build in outline.
pub(crate) struct Outline {
    /// The builder's configuration.
    pub(crate) config: BuilderConfig,
    plugins: PluginSet,
    source: Source,
    listing: Arc<SourceListing>,
    plan: BuildPlan,
    local: bool,
}

/// What effects work with that is not the build's own.
pub(crate) struct Ground {
    /// Where machines come from.
    pub(crate) pool: Arc<dyn Pool>,
    /// Where snapshots are kept.
    pub(crate) blobs: BlobStore,
    /// The folder of running builds' output.
    pub(crate) output_dir: PathBuf,
    /// Whose work the made tree is.
    pub(crate) domain: TrustDomain,
    /// Who is told what happens.
    pub(crate) updates: Sender<BuildUpdate>,
}

/// What is outlined.
#[derive(Clone)]
pub(crate) struct Subject {
    /// What is pushed.
    pub(crate) listing: Arc<SourceListing>,
    /// Why it is built.
    pub(crate) purpose: Purpose,
    /// What version control says of it, where that is not in the listing.
    pub(crate) version: Option<String>,
    /// Buildlets are processes on this machine.
    pub(crate) local: bool,
    /// The tree is its caller's own, and stands on the machine of its buildlets.
    pub(crate) in_place: bool,
}

/// Outlines a build of this tree.
///
/// # Errors
/// No builder fits, or a plugin that was asked for is not there or refuses.
pub(crate) async fn outline(job: &BuildJob, registry: &PluginRegistry, subject: Subject) -> anyhow::Result<Outline> {
    let Subject { listing, purpose, version, local, in_place } = subject;
    let files = plugin_files(&listing);
    let Chosen { plugin, config } = choose(job, registry, &files).await?;
    let plugins = plugin_set(job, registry, plugin, &config)?;
    let env: Vec<(String, String)> =
        config.look_at_env.iter().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?))).collect();
    let found =
        look(&config.look_at, |name| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()));
    let source = Source {
        project: job.project.clone(),
        purpose,
        rev: listing.rev.to_string(),
        version: described(&listing).or(version),
        files,
        env,
        found,
        origin: (local && in_place).then(|| job.tree.to_string_lossy().into_owned()),
    };
    let plan = plan_ahead(&config, &plugins, &source, local).await?;
    Ok(Outline { config, plugins, source, listing, plan, local })
}

impl Outline {
    /// What the engine is told.
    ///
    /// # Errors
    /// The pool has no machines for it.
    pub(crate) async fn spec(
        &self,
        job: &BuildJob,
        build: BuildId,
        pool: &dyn Pool,
        store: &store::Store,
    ) -> anyhow::Result<BuildSpec> {
        let config = &self.config;
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
        let one_command = matches!(self.plan.tests, TestPlan::OneCommand(_));
        let capacity = pool.capacity(&config.test_host_type).await;
        let possible = capacity.total.map_or(u32::MAX, |total| total.saturating_sub(1));
        let asked = job.helpers.or(config.helpers).unwrap_or(possible.min(DEFAULT_HELPERS));
        let mut spec = BuildSpec {
            build,
            project: job.project.clone(),
            builder: config.name.clone(),
            rev: self.source.rev.clone(),
            make_host_type: config.make_host_type.clone(),
            test_host_type: config.test_host_type.clone(),
            max_helpers: if one_command { 0 } else { asked.min(possible) },
            elastic: capacity.elastic,
            priority: 0,
            fail_fast: !job.keep_going.unwrap_or(config.keep_going),
            reuse_snapshot: !job.fresh,
            retries: job.retries,
            one_command,
            parsed: self.plugins.parser.is_some(),
            phases: Phases {
                make: UNKNOWN_MAKE,
                machine_start: UNKNOWN_START,
                setup: UNKNOWN_START,
                exec_overhead: config.exec_overhead,
            },
            limits: job.limits.clone(),
            plugins: self.named(),
        };
        spec.phases = expected_phases(store, &spec, self.plugins.estimator.as_deref()).await;
        Ok(spec)
    }

    /// Each plugin under its role.
    fn named(&self) -> Vec<(String, engine::PluginRef)> {
        let PluginSet { builder, estimator, policy, parser } = &self.plugins;
        let named = [
            Some(("builder", builder.plugin())),
            estimator.as_ref().map(|plugin| ("estimator", plugin.plugin())),
            policy.as_ref().map(|plugin| ("policy", plugin.plugin())),
            parser.as_ref().map(|plugin| ("parser", plugin.plugin())),
        ];
        named.into_iter().flatten().map(|(role, plugin)| (role.to_owned(), plugin.clone())).collect()
    }

    /// What its effects are carried out with.
    pub(crate) fn setup(self, job: &BuildJob, ground: Ground) -> JobSetup {
        let Outline { config, plugins, source, listing, plan, local } = self;
        let builder = plugins.builder.as_ref();
        let Ground { pool, blobs, output_dir, domain, updates } = ground;
        let key = KeyParts { tree: listing.rev, builder, config: &config, source: &source, plan: &plan, domain }.key();
        JobSetup {
            key,
            config,
            source,
            listing,
            plugins,
            pool,
            blobs,
            compression: if local { Compression::None } else { Compression::Zstd },
            selection: Selection { run: job.select.clone() },
            output_dir,
            updates,
        }
    }
}

/// The tree's file has sections of plugins that are there, and no others.
///
/// # Errors
/// One of another name.
pub(crate) fn check_sections(job: &BuildJob, registry: &PluginRegistry) -> anyhow::Result<()> {
    let names: Vec<String> = registry.describe().into_iter().map(|plugin| plugin.name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(job.tree_file.check_sections(&names)?)
}

/// `git describe`, where git knows the tree.
fn described(listing: &SourceListing) -> Option<String> {
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
    let policy = scheduler(registry, &job.policy, Role::Policy)?.and_then(|plugin| plugin.policy(None));
    let estimator = scheduler(registry, &job.estimator, Role::Estimator)?.and_then(|plugin| plugin.estimator(None));
    let parser = match &config.parser {
        Some((name, settings)) => {
            let settings = (!settings.trim().is_empty()).then(|| settings.clone());
            let found = registry.get(name, Role::Parser);
            found.map_err(|fault| UsageError::new(fault.detail, SHOWN))?.parser(settings)
        }
        None => None,
    };
    Ok(PluginSet { builder, estimator, policy, parser })
}

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
