//! The overview: what runs, what waits, what there is to run it on, what was.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use coordinator::LiveBuild;
use engine::{BuildId, Phase};
use http::{HeaderMap, StatusCode};

use super::shell::{Shell, html, plain, standing, wants_text};
use super::words;
use crate::api::{BuildsPage, Filter, Queue, builds_page, queue};
use crate::identity::Identity;
use crate::ports::PoolView;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildItem, live_item, machines};

/// Builds of each list.
const SHOWN: u32 = 25;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    shell: Shell,
    builds: Vec<BuildItem>,
    over: Overview,
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
    pools: Vec<Pool>,
    recent: BuildsPage,
}

/// A pool, and what its machines do.
struct Pool {
    view: PoolView,
    machines: Vec<Machine>,
}

struct Machine {
    name: String,
    host_type: String,
    build: Option<u64>,
    does: String,
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
    html(StatusCode::OK, &Page { shell, builds, over })
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
    let mut pools = Vec::new();
    for view in service.planner().pools().await {
        pools.push(pool(service, view).await);
    }
    Ok(Overview {
        standing: standing(service),
        started_ms: service.started_ms(),
        running: running(service).await?,
        waiting,
        pools,
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

async fn pool(service: &Service, view: PoolView) -> Pool {
    let mut shown = Vec::with_capacity(view.machines.len());
    for machine in &view.machines {
        shown.push(Machine {
            name: machine.name.clone(),
            host_type: machine.host_type.clone(),
            build: machine.build,
            does: match machine.build {
                Some(build) => does(service, BuildId(build), &machine.name).await,
                None => "free".to_owned(),
            },
        });
    }
    Pool { view, machines: shown }
}

/// What a machine does for the build that holds it.
async fn does(service: &Service, build: BuildId, name: &str) -> String {
    // A build that is gone meanwhile is no reason to show nothing.
    let Ok(known) = service.known(build).await else { return "held".to_owned() };
    known.look(|facts, _| {
        let held = machines(facts).into_iter().find(|machine| machine.name == name && machine.left_ms.is_none());
        match held {
            Some(machine) => match machine.running {
                Some(attempt) => format!("runs a{attempt}"),
                None if machine.ready_ms.is_none() => "gets ready".to_owned(),
                None => facts.phase().to_string(),
            },
            None => "held".to_owned(),
        }
    })
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
