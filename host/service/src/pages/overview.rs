//! The overview: what runs, what waits, what there is to run it on, what was.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use coordinator::LiveBuild;
use engine::Phase;
use http::{HeaderMap, StatusCode};

use super::actions::Acts;
use super::shell::{Shell, html, plain, standing, wants_text};
use super::words;
use crate::api::{Filter, Queue, builds_page, queue};
use crate::identity::Identity;
use crate::ports::{PoolMachine, PoolView};
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildItem, BuildsPage, MachineWord, live_item};

/// Builds of each list.
const SHOWN: u32 = 25;
/// Machines of each pool.
const MACHINES: usize = 100;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'a> {
    shell: Shell,
    service: &'a Service,
    identity: &'a Identity,
    builds: Vec<BuildItem>,
    over: Overview,
}

impl Page<'_> {
    fn may_cancel(&self, item: &BuildItem) -> bool {
        Acts::of_item(self.service, self.identity, item).cancel
    }
}

#[derive(Template)]
#[template(path = "overview.txt")]
struct Text {
    shell: Shell,
    over: Overview,
}

/// What the overview shows.
struct Overview {
    standing: &'static str,
    started_ms: u64,
    running: Vec<BuildItem>,
    waiting: Queue,
    pools: Vec<PoolView>,
    recent: BuildsPage,
}

/// The overview, as a page or as text.
pub(super) async fn overview(
    State(service): State<Arc<Service>>,
    identity: Identity,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if wants_text(&headers) {
        return text(State(service), identity).await;
    }
    let mut over = read(&service).await?;
    let mut shell = Shell::new(title(&over), Some(&identity));
    shell.icon = if over.waiting.running > 0 { "running" } else { "idle" };
    (shell.place, shell.live, shell.twin) = ("Overview", "/live".to_owned(), "/index.txt".to_owned());
    let builds = std::mem::take(&mut over.recent.builds);
    html(StatusCode::OK, &Page { shell, service: &service, identity: &identity, builds, over })
}

/// The overview as text.
pub(super) async fn text(State(service): State<Arc<Service>>, identity: Identity) -> Result<Response, Problem> {
    let over = read(&service).await?;
    plain(&Text { shell: Shell::new("", Some(&identity)), over })
}

fn title(over: &Overview) -> String {
    match (over.waiting.running, over.waiting.waiting) {
        (0, 0) => "idle · muster".to_owned(),
        (running, 0) => format!("{running} running · muster"),
        (running, waiting) => format!("{running} running, {waiting} waiting · muster"),
    }
}

async fn read(service: &Service) -> Result<Overview, Problem> {
    let waiting = match service.driven() {
        Some(_) => queue(service, SHOWN).await?,
        None => Queue::default(),
    };
    let recent = builds_page(service, listed(false)).await?;
    Ok(Overview {
        standing: standing(service),
        started_ms: service.started_ms(),
        running: running(service).await?,
        waiting,
        pools: service.pools().await,
        recent,
    })
}

fn listed(running: bool) -> Filter {
    Filter { running: Some(running), limit: Some(SHOWN), ..Filter::default() }
}

/// What runs: of a queue of thousands, those that left it.
async fn running(service: &Service) -> Result<Vec<BuildItem>, Problem> {
    let Some(coordinator) = service.driven() else {
        return Ok(builds_page(service, listed(true)).await?.builds);
    };
    let runs = |live: &LiveBuild| live.look(|facts, _| facts.phase() != Phase::Queue && facts.ended.is_none());
    let live = coordinator.builds().into_iter().filter(|(_, live)| runs(live));
    let mut items = Vec::new();
    for (build, _) in live.take(SHOWN as usize) {
        let known = service.known(build).await?;
        items.push(known.look(|facts, _| live_item(facts, &known.kept.submission, None)));
    }
    Ok(items)
}

/// What a machine does, in words; the build that holds it is named before them.
fn does(machine: &PoolMachine) -> String {
    let mut said = match (machine.state, machine.phase, machine.running) {
        (MachineWord::Free, ..) => "free".to_owned(),
        (MachineWord::BeingMade, ..) => "is being made".to_owned(),
        (MachineWord::Held, Some(phase), Some(attempt)) => format!("{}, runs a{attempt}", phase.word()),
        (MachineWord::Held, Some(phase), None) => phase.word().to_owned(),
        (MachineWord::Held, None, _) => "held".to_owned(),
        (MachineWord::ToBeAdopted, ..) => "waits to be adopted".to_owned(),
        (MachineWord::Leaving, ..) => "is being given back".to_owned(),
        (MachineWord::Lost, ..) => "lost".to_owned(),
    };
    if machine.adopted {
        said.push_str(", adopted");
    }
    said
}

/// The machines of a pool that are shown, and how many are not: those in use come first.
fn shown(pool: &PoolView) -> (Vec<&PoolMachine>, usize) {
    let mut machines: Vec<&PoolMachine> = pool.machines.iter().collect();
    machines.sort_by_key(|machine| machine.state == MachineWord::Free);
    machines.truncate(MACHINES);
    let more = pool.machines.len() - machines.len();
    (machines, more)
}

/// How much of a pool is in use.
fn in_use(pool: &PoolView) -> String {
    match (pool.unused, pool.total) {
        (true, Some(total)) => format!("up to {}", report::text::plural(u64::from(total), "machine")),
        (true, None) => "not used yet".to_owned(),
        (false, Some(total)) => format!("{} of {total} in use", pool.in_use),
        (false, None) => format!("{} in use", pool.in_use),
    }
}

impl Overview {
    /// Builds that wait and are not in the list.
    fn not_shown(&self) -> u64 {
        self.waiting.waiting.saturating_sub(self.waiting.next.len() as u64)
    }

    /// Whether a list of what has ended goes on.
    fn more(&self) -> bool {
        self.recent.next.is_some()
    }
}

/// Done tests of all, where they are known.
fn progress(item: &BuildItem) -> Option<(u64, u64)> {
    item.tests.filter(|tests| tests.total > 0).map(|tests| (tests.done, tests.total))
}
