//! What the service asks of whoever runs it: how builds are planned, and what there is to build with.

use async_trait::async_trait;
use coordinator::ports::LogFormat;
use engine::{BuildId, BuildSpec};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Submission;
use crate::view::{MachineWord, PhaseWord};

/// Plans builds, and says what there is to build with.
#[async_trait]
pub trait Planner: Send + Sync {
    /// What a submission comes to, under this number. Quick: it is asked while the client waits.
    async fn plan(&self, build: BuildId, submission: &Submission) -> Result<Planned, PlanRefused>;
    /// The builders of the plugins that are loaded.
    fn builders(&self) -> Vec<BuilderView>;
    /// The plugins that are loaded.
    fn plugins(&self) -> Vec<PluginView>;
    /// Where machines come from, by name. What builds do on their machines is left out: the service knows that.
    async fn pools(&self) -> Vec<PoolView>;
    /// Reads configuration and plugins anew. What is refused leaves everything as it was.
    async fn reload(&self, who: &str) -> Result<ReloadReport, PlanRefused>;
    /// Returns to the generation of a plugin before the one that serves.
    async fn rollback(&self, plugin: &str, who: &str) -> Result<ReloadReport, PlanRefused>;
}

/// What a submission comes to.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What the engine is told.
    pub spec: BuildSpec,
    /// How its log reads.
    pub log: LogFormat,
    /// What else its job is made from, also after a restart: kept with the submission, see [`crate::Kept`].
    pub pinned: serde_json::Value,
}

/// What was asked for cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRefused {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// A named way to build and test a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuilderView {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The plugin it comes from.
    pub plugin: String,
    /// The host type that makes the tree.
    pub make_host_type: String,
    /// The host type that tests it.
    pub test_host_type: String,
    /// Only for unmerged changes.
    pub try_only: bool,
    /// Who looks after it.
    pub owner: String,
    /// For people.
    pub notes: String,
}

/// A loaded plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginView {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:...` of its component: the generation that serves.
    pub digest: String,
    /// What it serves as.
    pub roles: Vec<String>,
    /// What it may touch.
    pub grants: Vec<String>,
    /// Where it came from: `bundled`, or a file.
    pub source: String,
    /// It failed too often and serves no more.
    pub quarantined: bool,
}

/// A source of machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolView {
    /// Its name.
    pub name: String,
    /// Its kind: `local`, `url`, or the plugin's name.
    pub kind: String,
    /// The host types that builders ask for and it has.
    #[serde(default)]
    pub host_types: Vec<String>,
    /// No build has asked it for a machine since the server started: what it has now is not known.
    #[serde(default)]
    pub unused: bool,
    /// The most machines it can have; none is unknown.
    pub total: Option<u32>,
    /// Machines in use.
    pub in_use: u32,
    /// Machines, by the names that people know: of a pool that makes them, those there are.
    pub machines: Vec<PoolMachine>,
    /// Why it cannot give any now; empty if it can.
    pub trouble: String,
}

/// A machine of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolMachine {
    /// As people know it.
    pub name: String,
    /// The class that it was asked for as; empty where nobody asked yet.
    pub host_type: String,
    /// What it is to its pool.
    #[serde(default)]
    pub state: MachineWord,
    /// Since when, in milliseconds since 1970.
    #[serde(default)]
    pub since_ms: u64,
    /// The build that holds it, or that it is made for.
    pub build: Option<u64>,
    /// The number of that build's claim on it.
    #[serde(default)]
    pub lease: Option<u64>,
    /// An earlier life of the coordinator leased it, and this one took it up.
    #[serde(default)]
    pub adopted: bool,
    /// How it was lost, if it was.
    #[serde(default)]
    pub cause: Option<String>,
    /// The phase of the build that holds it.
    #[serde(default)]
    pub phase: Option<PhaseWord>,
    /// The attempt that runs there now.
    #[serde(default)]
    pub running: Option<u64>,
}

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReloadReport {
    /// The plugins whose generation changed.
    pub changed: Vec<PluginChange>,
    /// Anything else that people want to know.
    pub notes: Vec<String>,
}

/// A swap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginChange {
    /// Which plugin.
    pub plugin: String,
    /// The digest that served; none if it is new.
    pub from: Option<String>,
    /// The digest that serves; none if it is gone.
    pub to: Option<String>,
}
