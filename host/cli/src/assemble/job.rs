//! Everything a build needs to know, from the command line, the tree and the host, each in its place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use buildlet::BuildletUrl;
use regex::Regex;
use snapshot::source::LeftOut;

use super::project;
use super::urls;
use super::written::written;
use crate::args::{BuildArgs, GlobalArgs};
use crate::commands::kept::kept;
use crate::config::find::{Folders, Kept};
use crate::config::host::HostFile;
use crate::config::tree::TreeFile;
use crate::exit::UsageError;
use crate::plugins::plugin_file;

/// The most helpers that can be asked for: a mistyped number must not start a thousand processes.
const MAX_HELPERS: u32 = 256;
/// The most tries after a failure that can be asked for.
const MAX_RETRIES: u32 = 20;

/// Where machines come from.
#[derive(Clone, Debug)]
pub enum PoolChoice {
    /// The pool of this name.
    Named(String),
    /// Machines that run a buildlet already.
    Urls(Vec<BuildletUrl>),
}

/// What is to be built, and how. The command line goes before the tree, the tree before the host, the host before
/// what is built in; where a choice is the host's alone, the tree has no say.
#[derive(Clone, Debug)]
pub struct BuildJob {
    /// The tree, absolute.
    pub tree: PathBuf,
    /// What of it is no part of it: this command writes there.
    pub left_out: LeftOut,
    /// What it is called.
    pub project: String,
    /// The host's configuration.
    pub host: HostFile,
    /// The tree's configuration.
    pub tree_file: TreeFile,
    /// The folders of history, snapshots and compiled plugins, absolute.
    pub kept: Kept,
    /// The builder; none is found out from the tree.
    pub builder: Option<String>,
    /// The most helpers; none is what the builder wants and the machine can bear.
    pub helpers: Option<u32>,
    /// The policy plugin.
    pub policy: String,
    /// The estimator plugin.
    pub estimator: String,
    /// Where machines come from.
    pub pool: PoolChoice,
    /// Components loaded beside the configured and bundled ones, absolute.
    pub plugins: Vec<PathBuf>,
    /// Only tests whose name this matches.
    pub select: Option<Regex>,
    /// Run everything after a failure; none is what the project's own runner does.
    pub keep_going: Option<bool>,
    /// Make the tree anew.
    pub fresh: bool,
    /// How often a failed test is run again.
    pub retries: u32,
    /// Bounds.
    pub limits: engine::Limits,
    /// Output kept of one test for the reports, in bytes.
    pub output_per_test: u64,
}

/// What is asked of one build, beside what tree and host say.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The builder.
    pub builder: Option<String>,
    /// The most helpers.
    pub helpers: Option<u32>,
    /// The policy plugin.
    pub policy: Option<String>,
    /// The estimator plugin.
    pub estimator: Option<String>,
    /// The pool.
    pub pool: Option<String>,
    /// Machines that run a buildlet already; these go before a pool.
    pub buildlets: Vec<String>,
    /// Further components.
    pub plugins: Vec<PathBuf>,
    /// Only tests whose name this regular expression matches.
    pub run: Option<String>,
    /// Run everything after a failure, or stop at the first.
    pub keep_going: Option<bool>,
    /// Make the tree anew.
    pub fresh: bool,
    /// How often a failed test is run again.
    pub retries: Option<u32>,
    /// The whole build.
    pub timeout: Option<Duration>,
}

impl From<&BuildArgs> for Wishes {
    fn from(args: &BuildArgs) -> Wishes {
        let wanted = &args.wanted;
        Wishes {
            builder: wanted.builder.clone(),
            helpers: wanted.helpers,
            policy: wanted.policy.clone(),
            estimator: wanted.estimator.clone(),
            pool: wanted.pool.clone(),
            buildlets: args.buildlet.clone(),
            plugins: args.plugin.clone(),
            run: wanted.run.clone(),
            keep_going: wanted.keeps_going(),
            fresh: wanted.fresh,
            retries: wanted.retries,
            timeout: wanted.timeout.map(|timeout| timeout.0),
        }
    }
}

impl BuildJob {
    /// Gathers it from the command line. Nothing is started yet.
    ///
    /// # Errors
    /// A usage or configuration error.
    pub fn gather(global: &GlobalArgs, args: &BuildArgs, folders: &Folders) -> anyhow::Result<BuildJob> {
        let tree = tree_folder(&args.wanted.path)?;
        let host = HostFile::find(global.config.as_deref(), folders)?;
        let kept = kept(args.state.as_deref(), &host, folders)?;
        let left_out = written(&args.written, &tree);
        Ok(BuildJob { left_out, ..BuildJob::new(&Wishes::from(args), tree, host, kept)? })
    }

    /// What follows from the wishes, the tree and the host. `tree` is absolute.
    ///
    /// # Errors
    /// A usage or configuration error.
    pub fn new(wishes: &Wishes, tree: PathBuf, host: HostFile, kept: Kept) -> anyhow::Result<BuildJob> {
        let tree_file = TreeFile::find(&tree)?;
        let of_tree = &tree_file.config;
        let of_host = &host.config;
        let helpers = wishes.helpers.or(of_tree.helpers).or(of_host.build.helpers);
        at_most("helpers", helpers.unwrap_or(0), MAX_HELPERS)?;
        let retries = wishes.retries.or(of_tree.run.retries).unwrap_or(of_host.build.retries);
        at_most("retries", retries, MAX_RETRIES)?;
        let pool = if wishes.buildlets.is_empty() {
            PoolChoice::Named(wishes.pool.clone().unwrap_or_else(|| of_host.build.pool.clone()))
        } else {
            PoolChoice::Urls(wishes.buildlets.iter().map(|url| buildlet_url(url)).collect::<Result<_, _>>()?)
        };
        Ok(BuildJob {
            project: of_tree.project.clone().unwrap_or_else(|| project::name(&tree)),
            kept,
            builder: wishes.builder.clone().or_else(|| of_tree.builder.clone()),
            helpers,
            policy: wishes.policy.clone().unwrap_or_else(|| of_host.build.policy.clone()),
            estimator: wishes.estimator.clone().unwrap_or_else(|| of_host.build.estimator.clone()),
            pool,
            plugins: wishes.plugins.iter().map(|file| plugin_file(file)).collect::<anyhow::Result<_>>()?,
            select: wishes.run.as_deref().map(expression).transpose()?,
            keep_going: wishes.keep_going.or(of_tree.run.keep_going),
            fresh: wishes.fresh,
            retries,
            limits: limits(wishes, &host, &tree_file),
            output_per_test: of_host.limits.output_per_test.0,
            left_out: LeftOut::default(),
            tree,
            host,
            tree_file,
        })
    }
}

/// The folder of a tree, absolute.
///
/// # Errors
/// A usage error: it is not there, or is no folder.
pub(crate) fn tree_folder(path: &Path) -> anyhow::Result<PathBuf> {
    let wrong =
        |what: &str| UsageError::new(format!("`{}` {what}", path.display()), "give the folder of a source tree");
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(wrong("is not there").into()),
        Err(error) => return Err(error).with_context(|| format!("failed to look at `{}`", path.display())),
    };
    if !metadata.is_dir() {
        return Err(wrong("is not a folder").into());
    }
    path.canonicalize().with_context(|| format!("failed to resolve `{}`", path.display()))
}

/// The URL: as it was given, or from the file that was named with `@`.
fn buildlet_url(given: &str) -> Result<BuildletUrl, UsageError> {
    given.strip_prefix('@').map_or_else(|| urls::given(given), |file| urls::in_file(Path::new(file)))
}

fn expression(text: &str) -> anyhow::Result<Regex> {
    Regex::new(text).map_err(|error| {
        UsageError::new(
            format!("`--run {text}` is not a regular expression: {error}"),
            "quote it, and escape `( [ . *`",
        )
        .into()
    })
}

fn at_most(option: &str, value: u32, most: u32) -> Result<(), UsageError> {
    if value > most {
        return Err(UsageError::new(format!("{value} {option} are more than the {most} that are possible"), ""));
    }
    Ok(())
}

/// The host's bounds; the command line and the tree may make them tighter, the tree its own tests' as it needs.
fn limits(wishes: &Wishes, host: &HostFile, tree: &TreeFile) -> engine::Limits {
    let mut limits = host.config.limits.engine();
    let run = &tree.config.run;
    if let Some(timeout) = wishes.timeout.or(run.timeout.map(|timeout| timeout.0)) {
        limits.build = limits.build.min(timeout);
    }
    if let Some(timeout) = run.test_timeout {
        limits.test = timeout.0.min(limits.build);
    }
    limits
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn folders(home: &Path) -> Folders {
        Folders::from_lookup(|name| (name == "HOME").then(|| home.into()))
    }

    #[test]
    fn the_command_line_goes_before_the_tree_and_the_tree_before_the_host() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("app");
        std::fs::create_dir_all(home.path().join(".config/muster")).unwrap();
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(
            home.path().join(".config/muster/coordinator.toml"),
            "[build]\nhelpers = 7\nretries = 3\n[limits]\nbuild = \"1h\"\n[state]\ndir = \"s\"\n",
        )
        .unwrap();
        std::fs::write(tree.join("muster.toml"), "helpers = 5\n[run]\ntimeout = \"2h\"\nkeep-going = false\n").unwrap();
        let mut args = BuildArgs::default();
        args.wanted.path = tree;
        let gather = |args: &BuildArgs| BuildJob::gather(&GlobalArgs::default(), args, &folders(home.path())).unwrap();
        let job = gather(&args);
        assert_eq!((job.helpers, job.retries, job.keep_going), (Some(5), 3, Some(false)));
        assert_eq!(job.limits.build, Duration::from_secs(3600), "a tree cannot ask for more than the host allows");
        assert_eq!(job.kept.state, home.path().join(".config/muster/s"), "relative to the file that says it");
        args.wanted.helpers = Some(0);
        args.wanted.keep_going = true;
        let job = gather(&args);
        assert_eq!((job.helpers, job.keep_going), (Some(0), Some(true)));
        assert_eq!(job.project, "app");
    }
}
