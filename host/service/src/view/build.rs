//! A build in full, but for its tests and its log.

use coordinator::ports::LogFormat;
use engine::{BuildFacts, RestartFacts};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::item::took;
use super::{BuildItem, MachineView, PhaseWord, live_item, machines, seconds, unix_ms};
use crate::{Kept, Submission};

/// A build in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuildView {
    /// As lists show it.
    #[serde(flatten)]
    pub item: BuildItem,
    /// How long it took, in seconds; null while it runs.
    pub took_s: Option<f64>,
    /// The last record that this was made of: events go on after it.
    pub seq: u64,
    /// Someone wants it stopped, and why.
    pub cancel: Option<String>,
    /// The most helpers it may have.
    pub max_helpers: u32,
    /// Higher goes first.
    pub priority: i32,
    /// The phases, in order.
    pub phases: Vec<PhaseView>,
    /// Every machine that served it, in the order they came.
    pub machines: Vec<MachineView>,
    /// Groups that were started.
    pub attempts: u64,
    /// An earlier build made the tree: its snapshot was taken.
    pub reused_snapshot: bool,
    /// Sum of what the tests are expected to take, in seconds.
    pub expected_s: f64,
    /// The plugins it began with.
    pub plugins: Vec<PluginUseView>,
    /// What plugins did wrong.
    pub faults: Vec<FaultView>,
    /// Restarts of the coordinator while it was under way.
    #[serde(default)]
    pub restarts: Vec<RestartView>,
    /// The log has a frame once the build is over: `/log?framed=1` gives it whole.
    pub framed_log: bool,
    /// What was asked for.
    pub submission: Submission,
}

/// A phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhaseView {
    /// Which.
    pub phase: PhaseWord,
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// When the next one did.
    pub ended_ms: Option<u64>,
}

/// A plugin that a build uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginUseView {
    /// What it serves as.
    pub role: String,
    /// Its name.
    pub name: String,
    /// `sha256:...`; empty for what is built in.
    pub digest: String,
}

/// Something a plugin did wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaultView {
    /// What it served as.
    pub role: String,
    /// Its name.
    pub plugin: String,
    /// `sha256:...` of its component.
    pub digest: String,
    /// What it did.
    pub text: String,
}

/// A restart of the coordinator while a build was under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestartView {
    /// When it was there again, in milliseconds since 1970.
    pub at_ms: u64,
    /// Machines that went on where they were.
    pub adopted: u64,
    /// Machines that did not answer, and were given up.
    pub given_up: u64,
    /// Machines that were asked and have not answered yet.
    pub asked: u64,
}

impl RestartView {
    /// What became of the machines, in words.
    pub fn told(&self) -> String {
        let counts = [
            (self.adopted, "went on where it was", "went on where they were"),
            (self.given_up, "was given up", "were given up"),
            (self.asked, "has not answered yet", "have not answered yet"),
        ];
        let told: Vec<String> = counts
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| match count {
                1 => format!("1 machine {one}"),
                count => format!("{count} machines {many}"),
            })
            .collect();
        if told.is_empty() { "it held no machine then".to_owned() } else { told.join(", ") }
    }
}

/// A build, from its facts and what else is known of it.
pub fn build(facts: &BuildFacts, seq: u64, position: Option<u64>, kept: &Kept) -> BuildView {
    BuildView {
        item: live_item(facts, &kept.submission, position),
        took_s: took(facts),
        seq,
        cancel: facts.cancel.clone(),
        max_helpers: facts.spec.max_helpers,
        priority: facts.spec.priority,
        phases: phases(facts),
        machines: machines(facts),
        attempts: facts.attempts.len() as u64,
        reused_snapshot: facts.snapshot.as_ref().is_some_and(|(_, reused)| *reused),
        expected_s: seconds(facts.tests.iter().filter_map(|test| Some(test.estimate.as_ref()?.expected)).sum()),
        plugins: facts
            .spec
            .plugins
            .iter()
            .map(|(role, plugin)| PluginUseView {
                role: role.clone(),
                name: plugin.name.clone(),
                digest: plugin.digest.clone(),
            })
            .collect(),
        faults: faults(facts),
        restarts: facts.restarts.iter().map(restart).collect(),
        framed_log: kept.log() != LogFormat::Plain,
        submission: kept.submission.clone(),
    }
}

fn phases(facts: &BuildFacts) -> Vec<PhaseView> {
    let ends = facts.phases.iter().skip(1).map(|(_, at)| Some(unix_ms(*at)));
    let last = facts.ended.as_ref().map(|(at, ..)| unix_ms(*at));
    let spans = facts.phases.iter().zip(ends.chain([last]));
    spans
        .map(|((phase, began), ended_ms)| PhaseView { phase: (*phase).into(), began_ms: unix_ms(*began), ended_ms })
        .collect()
}

fn restart(restart: &RestartFacts) -> RestartView {
    RestartView {
        at_ms: unix_ms(restart.at),
        adopted: restart.adopted.len() as u64,
        given_up: restart.given_up.len() as u64,
        asked: restart.asked.len() as u64,
    }
}

fn faults(facts: &BuildFacts) -> Vec<FaultView> {
    let fault = |(role, plugin, fault): &(String, engine::PluginRef, engine::PluginFault)| FaultView {
        role: role.clone(),
        plugin: plugin.name.clone(),
        digest: plugin.digest.clone(),
        text: fault.to_string(),
    };
    facts.faults.iter().map(fault).collect()
}
