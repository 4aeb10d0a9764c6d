//! What a build is asked to be, and what it runs on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BuildId, Phases};

/// A class of machine.
pub type HostType = String;

/// One loaded version of a plugin, or the built-in rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PluginRef {
    /// Its name.
    pub name: String,
    /// `sha256:...` of its component; empty for what is built in.
    pub digest: String,
}

impl PluginRef {
    /// The rule that stands in when no plugin may answer.
    pub fn built_in() -> PluginRef {
        PluginRef { name: "built-in".into(), digest: String::new() }
    }
}

/// A build as it was submitted. Nothing in it changes later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// Unique in the coordinator's store.
    pub build: BuildId,
    /// What is built.
    pub project: String,
    /// How: the builder's name.
    pub builder: String,
    /// Of what: the digest of the tree that is pushed, or a revision.
    pub rev: String,
    /// The host type that makes the tree.
    pub make_host_type: HostType,
    /// The host type that tests it.
    pub test_host_type: HostType,
    /// The most helpers it may have.
    pub max_helpers: u32,
    /// Machines are made on demand, rather than taken from a fixed set.
    pub elastic: bool,
    /// Higher goes first; equals go in the order of their ids.
    pub priority: i32,
    /// The first failure ends the build.
    pub fail_fast: bool,
    /// A snapshot of an earlier build may be used.
    pub reuse_snapshot: bool,
    /// A failed test is run again this many times; a pass then makes it flaky.
    pub retries: u32,
    /// The tests are not listed: one command runs them all.
    pub one_command: bool,
    /// Output is read by a parser, so that tests can be reported one by one.
    pub parsed: bool,
    /// What the phases are expected to take, until the estimator answers.
    pub phases: Phases,
    /// Bounds.
    pub limits: Limits,
    /// The plugins the build began with: role and version.
    pub plugins: Vec<(String, PluginRef)>,
}

impl BuildSpec {
    /// A build of which nothing special is asked: no helpers, no retries, no plugins. Its machines are of one type.
    pub fn plain(build: BuildId, project: &str, builder: &str, host_type: &str) -> BuildSpec {
        BuildSpec {
            build,
            project: project.to_owned(),
            builder: builder.to_owned(),
            rev: "rev".to_owned(),
            make_host_type: host_type.to_owned(),
            test_host_type: host_type.to_owned(),
            max_helpers: 0,
            elastic: true,
            priority: 0,
            fail_fast: false,
            reuse_snapshot: false,
            retries: 0,
            one_command: false,
            parsed: true,
            phases: Phases::default(),
            limits: Limits::default(),
            plugins: Vec::new(),
        }
    }
}

/// The time limits and budgets of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The whole build.
    pub build: Duration,
    /// Waiting for the main buildlet.
    pub acquire: Duration,
    /// Source push, make, snapshot and listing, each.
    pub phase: Duration,
    /// One test that names no limit of its own.
    pub test: Duration,
    /// An answer from a plugin.
    pub plugin: Duration,
    /// Exec failures of one test before it is lost.
    pub exec_failures: u32,
    /// Machines lost before the tests began, or while none was left, before the build is given up.
    pub main_losses: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            build: Duration::from_secs(6 * 3600),
            acquire: Duration::from_secs(30 * 60),
            phase: Duration::from_secs(2 * 3600),
            test: Duration::from_secs(20 * 60),
            plugin: Duration::from_secs(5),
            exec_failures: 3,
            main_losses: 3,
        }
    }
}

/// What a buildlet is to a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It makes the tree, and tests.
    Main,
    /// It tests.
    Helper,
}

/// A machine that a lease was granted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// As people know the buildlet.
    pub name: String,
    /// Its class.
    pub host_type: HostType,
    /// Buildlets with an equal machine share it.
    pub machine: String,
    /// The pool it came from.
    pub pool: String,
}

/// A snapshot that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// Its key in the blob store.
    pub key: String,
    /// Size in bytes, as stored.
    pub bytes: u64,
    /// `sha256:...` of what is stored.
    pub digest: String,
    /// How long ago it was made, when it is found.
    pub age: Duration,
}
