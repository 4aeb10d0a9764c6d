//! From a submission to a build, and from a build's record back to all that carrying it out needs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use coordinator::ports::{LogFormat, Purpose};
use coordinator::{JobSetup, JobSource};
use engine::{BuildId, BuildSpec, ExecFailure, ExecFailureKind, PluginRef};
use plugin_host::{PluginRegistry, PluginSettings};
use serde::{Deserialize, Serialize};
use service::{Submission, Trust};
use snapshot::blob::BlobStore;
use snapshot::key::TrustDomain;
use store::Store;

use super::notes::notes;
use super::pools::OpenPools;
use super::shelf::Shelf;
use super::trees::Trees;
use crate::assemble::{BuildJob, Ground, Machines, PoolChoice, Subject, Wishes, check_sections, outline};
use crate::config::find::Kept;
use crate::config::host::HostFile;
use crate::exit::{self, UsageError};
use crate::plugins::plugin_settings;

/// What submissions are made into builds with.
pub(super) struct Workshop {
    pub(super) shelf: Shelf,
    pub(super) trees: Trees,
    pub(super) pools: OpenPools,
    pub(super) store: Store,
    /// Waits for a store that is away.
    pub(super) blobs: BlobStore,
    /// The same blobs, for whoever would rather be told that the store is away.
    pub(super) quick_blobs: BlobStore,
    pub(super) logs: logs::LogStore,
    pub(super) kept: Kept,
}

/// What is asked for, in the terms of this program.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) wishes: Wishes,
    pub(super) project: Option<String>,
    /// The digest of the tree's archive.
    pub(super) tree: String,
    /// What version control says of the tree.
    pub(super) version: Option<String>,
    pub(super) priority: i32,
    /// Whose unmerged change it is; none is a merged revision.
    pub(super) unmerged: Option<String>,
}

impl From<&Submission> for Asked {
    fn from(submission: &Submission) -> Asked {
        Asked {
            wishes: Wishes {
                builder: submission.builder.clone(),
                helpers: submission.helpers,
                policy: submission.policy.clone(),
                estimator: submission.estimator.clone(),
                pool: submission.pool.clone(),
                run: submission.run.clone(),
                keep_going: submission.keep_going,
                fresh: submission.fresh,
                retries: submission.retries,
                timeout: submission.timeout_s.map(Duration::from_secs),
                ..Wishes::default()
            },
            project: submission.project.clone(),
            tree: submission.tree.clone(),
            version: submission.version.clone(),
            priority: submission.priority,
            unmerged: (submission.trust == Trust::Try).then(|| submission.by.clone()),
        }
    }
}

/// What a build began with, and goes on with after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pinned {
    /// Settings of its plugins by name, as JSON.
    settings: BTreeMap<String, String>,
    /// The pool that its machines come from.
    #[serde(default)]
    pool: String,
}

impl Workshop {
    /// The build that was asked for, and what it is pinned to.
    ///
    /// # Errors
    /// In words for whoever asked: no builder fits, or a setting is wrong.
    pub(super) async fn plan(&self, asked: &Asked, build: BuildId) -> anyhow::Result<(BuildSpec, LogFormat, Pinned)> {
        let shelved = self.shelf.current();
        let (mut job, subject) = self.job_of(asked, shelved.host.clone()).await?;
        let mut tree_registry = self.shelf.registry(&shelved, &job.tree_file.config)?;
        check_sections(&job, &tree_registry)?;
        // A rule that names a builder can only hold when the builder is known.
        let mut builder = job.builder.clone();
        if apply_rules(&mut job, &shelved.host, builder.as_deref(), build) {
            tree_registry = self.shelf.registry(&shelved.with_host(&job.host), &job.tree_file.config)?;
        }
        let machines = self.machines(&job, &tree_registry).await?;
        self.may_run_there(asked, &machines, &shelved.host)?;
        let subject = Subject { local: machines.local, ..subject };
        let mut outlined = outline(&job, &tree_registry, subject.clone()).await?;
        if builder.is_none() {
            builder = Some(outlined.config.name.clone());
            if apply_rules(&mut job, &shelved.host, builder.as_deref(), build) {
                tree_registry = self.shelf.registry(&shelved.with_host(&job.host), &job.tree_file.config)?;
                outlined = outline(&job, &tree_registry, subject).await?;
            }
        }
        let mut spec = outlined.spec(&job, build, machines.pool.as_ref(), &self.store).await?;
        spec.priority = asked.priority;
        let pinned = Pinned { settings: settings_of(&spec, &tree_registry), pool: named(&job)?.to_owned() };
        Ok((spec, outlined.config.log.clone(), pinned))
    }

    /// All that carrying out a build needs, from what it began with.
    async fn setup(&self, asked: &Asked, pinned: &Pinned, spec: &BuildSpec) -> anyhow::Result<JobSetup> {
        let shelved = self.shelf.current();
        let (mut job, subject) = self.job_of(asked, shelved.host.clone()).await?;
        let of = |role: &str| spec.plugins.iter().find(|(known, _)| known == role).map(|(_, plugin)| plugin);
        if !pinned.pool.is_empty() {
            job.pool = PoolChoice::Named(pinned.pool.clone());
        }
        job.builder = Some(spec.builder.clone());
        job.policy = of("policy").map_or_else(|| "built-in".to_owned(), |plugin| plugin.name.clone());
        job.estimator = of("estimator").map_or_else(|| "built-in".to_owned(), |plugin| plugin.name.clone());
        let plugins: Vec<PluginRef> = spec.plugins.iter().map(|(_, plugin)| plugin.clone()).collect();
        let settings = |plugin: &PluginRef| -> anyhow::Result<PluginSettings> {
            let mut settings = plugin_settings(&plugin.name, &job.host, &job.tree_file.config, &self.kept.state)?;
            if let Some(text) = pinned.settings.get(&plugin.name) {
                settings.settings.clone_from(text);
            }
            // What the configuration of today pins is no matter of a build that began before.
            settings.digest = None;
            Ok(settings)
        };
        let registry = self.shelf.registry_of(&plugins, settings).await?;
        let all = self.shelf.registry(&shelved, &job.tree_file.config)?;
        let machines = self.machines(&job, &all).await?;
        // Another configuration than that of its submission may say what the pool is.
        self.may_run_there(asked, &machines, &shelved.host)?;
        let outlined = outline(&job, &registry, Subject { local: machines.local, ..subject }).await?;
        let ground = Ground {
            pool: Arc::clone(&machines.pool),
            blobs: self.blobs.clone(),
            output_dir: self.output_dir(),
            domain: asked.unmerged.clone().map_or(TrustDomain::Trusted, TrustDomain::Unmerged),
            updates: notes(&self.logs, spec.build),
        };
        Ok(outlined.setup(&job, ground))
    }

    fn output_dir(&self) -> PathBuf {
        self.kept.state.join("output")
    }

    async fn job_of(&self, asked: &Asked, host: HostFile) -> anyhow::Result<(BuildJob, Subject)> {
        let listing = self.trees.listing(&asked.tree).await?;
        let mut job = BuildJob::new(&asked.wishes, listing.root.clone(), host, self.kept.clone())?;
        if let Some(project) = asked.project.clone().or_else(|| job.tree_file.config.project.clone()) {
            job.project = project;
        }
        let purpose = if asked.unmerged.is_some() { Purpose::TryBuild } else { Purpose::PostSubmit };
        let subject = Subject { listing, purpose, version: asked.version.clone(), local: false, in_place: false };
        Ok((job, subject))
    }

    async fn machines(&self, job: &BuildJob, registry: &PluginRegistry) -> anyhow::Result<Arc<Machines>> {
        self.pools.get(named(job)?, &job.host, registry).await
    }

    /// Commands of a change that nobody merged can read all that this account can read, where nothing keeps them.
    fn may_run_there(&self, asked: &Asked, machines: &Machines, host: &HostFile) -> anyhow::Result<()> {
        if asked.unmerged.is_none() || !machines.local || host.config.serve.unmerged_on_local {
            return Ok(());
        }
        Err(UsageError::new(
            "changes that are not merged do not run on buildlets of the coordinator's own machine",
            "use another pool, or set `[serve] unmerged-on-local = true` where everyone who may submit may read \
             everything that the coordinator can",
        )
        .into())
    }
}

/// Applies the rules that hold. Whether any did.
fn apply_rules(job: &mut BuildJob, host: &HostFile, builder: Option<&str>, build: BuildId) -> bool {
    let mut any = false;
    for rule in host.config.rule.iter().filter(|rule| rule.holds(&job.project, builder, build.0)) {
        any = true;
        if let Some(policy) = &rule.policy {
            job.policy.clone_from(policy);
        }
        if let Some(estimator) = &rule.estimator {
            job.estimator.clone_from(estimator);
        }
        for (plugin, settings) in &rule.settings {
            let section = job.host.config.plugins.entry(plugin.clone()).or_default();
            for (key, value) in settings {
                section.settings.insert(key.clone(), value.clone());
            }
        }
    }
    any
}

/// The name of the pool.
fn named(job: &BuildJob) -> Result<&str, UsageError> {
    match &job.pool {
        PoolChoice::Named(name) => Ok(name),
        PoolChoice::Urls(_) => Err(UsageError::new(
            "a service takes no machines with a submission",
            "add a `[pool.NAME]` section to its configuration, and choose it with `--pool NAME`",
        )),
    }
}

/// The settings of the build's plugins by name.
fn settings_of(spec: &BuildSpec, registry: &PluginRegistry) -> BTreeMap<String, String> {
    let settings = spec.plugins.iter().filter_map(|(_, plugin)| {
        let generation = registry.find(plugin)?;
        Some((plugin.name.clone(), generation.settings().to_owned()))
    });
    settings.collect()
}

#[async_trait]
impl JobSource for Workshop {
    async fn job(&self, spec: &BuildSpec, submission: &str) -> Result<JobSetup, ExecFailure> {
        let made = async {
            let kept = service::Kept::read(submission).context("failed to read what was submitted")?;
            let pinned = serde_json::from_value(kept.pinned.clone()).context("failed to read what it was pinned to")?;
            self.setup(&Asked::from(&kept.submission), &pinned, spec).await
        };
        made.await.map_err(|error| ExecFailure::new(ExecFailureKind::Other, exit::describe(&error)))
    }
}
