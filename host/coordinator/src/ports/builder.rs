//! The builder role: how a tree is built, and its tests are listed and run.

use std::time::Duration;

use async_trait::async_trait;
use engine::{CommandEnd, PluginFault, PluginRef, Test};

/// A builder plugin with the settings it was given.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Which component answers.
    fn plugin(&self) -> &PluginRef;
    /// The settings that it was given: the tree's, with the host's laid over them.
    fn settings(&self) -> &str;
    /// All builders under these settings.
    async fn configure(&self) -> Result<Vec<BuilderConfig>, PluginFault>;
    /// The builder that fits this tree, if one does.
    async fn detect(&self, files: &[SourceFile]) -> Result<Option<String>, PluginFault>;
    /// How to make the tree and list its tests.
    async fn plan(&self, builder: &str, source: &Source, place: &Place) -> Result<BuildPlan, PluginFault>;
    /// The tests of a listing, in the order the project's runner has them. `memo` is the plan's.
    async fn tests(&self, builder: &str, memo: &str, listing: Listing) -> Result<Vec<Test>, PluginFault>;
    /// The command that runs exactly these tests, in this order. `memo` is the plan's.
    async fn run(&self, builder: &str, memo: &str, tests: &[Test], place: &Place) -> Result<Command, PluginFault>;
}

/// A named way to build and test a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuilderConfig {
    /// The builder's name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// Operating system, as Go names it.
    pub os: String,
    /// Architecture, as Go names it.
    pub arch: String,
    /// The host type that makes the tree.
    pub make_host_type: String,
    /// The host type that tests it.
    pub test_host_type: String,
    /// Helpers it wants by default; none is what the host can bear.
    pub helpers: Option<u32>,
    /// The folder below the work directory where the tree stands.
    pub root: String,
    /// Environment of every command.
    pub env: Vec<(String, String)>,
    /// Parser plugin and its settings (JSON).
    pub parser: Option<(String, String)>,
    /// First guess of what one exec costs before its first test.
    pub exec_overhead: Duration,
    /// What the project's own runner does after a failure.
    pub keep_going: bool,
    /// Variables of the caller's environment that `plan` wants to see.
    pub look_at_env: Vec<String>,
    /// Globs of files outside the tree that `plan` wants to see.
    pub look_at: Vec<String>,
    /// Only for unmerged changes.
    pub try_only: bool,
    /// Who looks after it.
    pub owner: String,
    /// For people.
    pub notes: String,
    /// How the log of a build reads.
    pub log: LogFormat,
}

/// How the ordered log is framed once a build is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// What was printed, and nothing else.
    #[default]
    Plain,
    /// As Go's coordinator of 2015 framed it: state and events of the build before it, the result after it.
    Go2015 {
        /// The script that makes the tree; none where one command makes and tests it.
        make_script: Option<String>,
    },
}

/// A file that a plugin is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the tree; absolute for what was found outside.
    pub path: String,
    /// Its content, where it is small and of interest.
    pub content: Option<Vec<u8>>,
}

/// Why a tree is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To try a change that nobody merged yet.
    #[default]
    TryBuild,
    /// To see how what is merged does.
    PostSubmit,
}

/// What is known of the tree when its plan is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// What is built.
    pub project: String,
    /// Why.
    pub purpose: Purpose,
    /// The digest of what is pushed, or a revision.
    pub rev: String,
    /// `git describe`, where there is one.
    pub version: Option<String>,
    /// The tree's files, in order.
    pub files: Vec<SourceFile>,
    /// Values of `look_at_env`.
    pub env: Vec<(String, String)>,
    /// Matches of `look_at`, in order.
    pub found: Vec<SourceFile>,
    /// Where the tree stands on the caller's machine, when buildlets run there too.
    pub origin: Option<String>,
}

/// How a tree is made and tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildPlan {
    /// Run in order on the main buildlet.
    pub make: Vec<Step>,
    /// Paths below the tree removed before the snapshot.
    pub clean: Vec<String>,
    /// How its tests are found.
    pub tests: TestPlan,
    /// Handed back with `tests` and with every `run`.
    pub memo: String,
}

/// How the tests of a tree are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestPlan {
    /// This command's output is read by `tests`.
    Listed(Command),
    /// The tree cannot be split: one command runs all tests.
    OneCommand(Command),
}

/// One step of making the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// For people.
    pub name: String,
    /// What runs.
    pub command: Command,
}

/// One command for a buildlet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Relative to the work directory; empty is the tree's folder.
    pub dir: String,
    /// Added to the buildlet's environment.
    pub env: Vec<(String, String)>,
    /// Elements of PATH; empty leaves PATH alone.
    pub path: Vec<String>,
    /// Written below the attempt's directory before it starts.
    pub files: Vec<(String, Vec<u8>)>,
    /// Globs of result files below the attempt's directory.
    pub results: Vec<String>,
    /// Time limit.
    pub timeout: Option<Duration>,
}

/// What the list command printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its output.
    pub output: Vec<u8>,
    /// How it ended.
    pub end: CommandEnd,
    /// Its result files.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Where a command is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Absolute.
    pub work_dir: String,
    /// The tree's folder, absolute.
    pub tree: String,
    /// Made fresh for this attempt, absolute, outside the tree.
    pub attempt_dir: String,
    /// Operating system of the machine, as it says; the builder's where it does not.
    pub os: String,
    /// Architecture of the machine, the same way.
    pub arch: String,
    /// Its class.
    pub host_type: String,
    /// The buildlet runs on the caller's machine.
    pub local: bool,
}
