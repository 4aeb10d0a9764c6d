//! Measures a warm decision for one idle worker among 1,000 tests, through a policy component and native, and the
//! time to load components from a warm cache. A decision costs by the tests that it starts, and so there are two
//! builds: one of tests of a second, of which ten fill a group, and one of tests of some 45 ms, of which 160 do.
//!
//! `cargo bench -p plugin-host -- POLICY.wasm [FILE.wasm ...]`; without files those of the folder that
//! `MUSTER_BUNDLE_DIR` names, whose policy is `in-order`. Prints one line of JSON: medians in nanoseconds, their ratio, and
//! the milliseconds that setting a host up and loading all the files took when their code was compiled before. Fails
//! when a bar is missed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use builtin::{Action, Decision, EstimateSource, Item, Observed, Phases, Run, RunInput, Worker};
use plugin_host::{EngineOptions, PluginHost, PluginRegistry, PluginSettings, Role};

/// Tests of the build.
const TESTS: u32 = 1000;
/// Workers of the build; one of them is idle at each decision.
const WORKERS: u32 = 3;
/// Decisions that are measured.
const ROUNDS: usize = 2000;
/// What is measured.
const CASES: [Case; 2] = [
    Case { name: "long_tests", expected_ms: 1000, spread_ms: 100, overhead_ms: 100 },
    Case { name: "short_tests", expected_ms: 20, spread_ms: 50, overhead_ms: 300 },
];
/// A warm decision takes less.
const DECISION_BAR: Duration = Duration::from_micros(50);
/// Loading what is bundled takes less: `muster plugin list` does that and little more.
const LOAD_BAR: Duration = Duration::from_millis(100);

/// A build whose tests are alike.
struct Case {
    name: &'static str,
    expected_ms: u64,
    spread_ms: u32,
    overhead_ms: u64,
}

/// What a decision took, and how many tests the last one started.
struct Measured {
    median: Duration,
    started: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints. Whether every bar was reached.
async fn bench() -> Result<bool> {
    let files = files()?;
    let policy = files.first().context("name a policy component")?;
    let folder = tempfile::tempdir()?;
    let options = EngineOptions { cache_folder: Some(folder.path().join("compiled")), ..EngineOptions::default() };
    load_all(&options, &files).await?;
    let began = Instant::now();
    let (registry, cached) = load_all(&options, &files).await?;
    let load = began.elapsed();

    let mut cases = serde_json::Map::new();
    let mut slowest = Duration::ZERO;
    for case in CASES {
        let native = native(&case);
        let component = component(&registry, policy, &case).await?;
        slowest = slowest.max(component.median);
        let measured = serde_json::json!({
            "tests_started": component.started,
            "native_median_ns": native.median.as_nanos(),
            "component_median_ns": component.median.as_nanos(),
            "ratio": component.median.as_secs_f64() / native.median.as_secs_f64(),
        });
        cases.insert(case.name.to_owned(), measured);
    }
    let line = serde_json::json!({
        "tests": TESTS,
        "rounds": ROUNDS,
        "decisions": cases,
        "loaded": files.len(),
        "found_compiled": cached,
        "load_ms": load.as_secs_f64() * 1000.0,
        "pooled": registry.host().is_pooled(),
    });
    #[expect(clippy::print_stdout, reason = "its result")]
    {
        println!("{line}");
    }
    Ok(slowest < DECISION_BAR && load < LOAD_BAR)
}

/// The files named, or those of the bundle with its policy first.
fn files() -> Result<Vec<PathBuf>> {
    // Cargo adds `--bench`.
    let named: Vec<PathBuf> =
        std::env::args_os().skip(1).map(PathBuf::from).filter(|file| file.extension().is_some()).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let folder =
        std::env::var_os("MUSTER_BUNDLE_DIR").context("name components, or their folder as MUSTER_BUNDLE_DIR")?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    files.sort_by_key(|file| (name(file) != "in-order", file.clone()));
    Ok(files)
}

async fn load_all(options: &EngineOptions, files: &[PathBuf]) -> Result<(PluginRegistry, usize)> {
    let registry = PluginRegistry::new(PluginHost::new(options)?);
    for file in files {
        registry.add_file(name(file), file, PluginSettings::default()).await?;
    }
    let hits = registry.host().cache_stats().map_or(0, |stats| stats.hits);
    Ok((registry, hits))
}

fn name(file: &Path) -> &str {
    file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("plugin")
}

fn input(case: &Case) -> RunInput {
    let item = |index| Item {
        index,
        name: format!("tests/test_module_{}.py::test_case_{index}", index / 20),
        merge_key: Some("all".into()),
        unit: None,
        setup_key: Some(format!("tests/test_module_{}.py", index / 20)),
        alone: None,
        expected: Duration::from_millis(case.expected_ms + u64::from(index % case.spread_ms)),
        deviation: Duration::from_millis(2),
        source: EstimateSource::History(5),
        by_itself: false,
    };
    let worker = |id| Worker { id, main: id == 0, host_type: "local".into(), machine: format!("m{id}") };
    RunInput {
        items: (0..TESTS).map(item).collect(),
        workers: (0..WORKERS).map(worker).collect(),
        phases: Phases { exec_overhead: Duration::from_millis(case.overhead_ms), ..Phases::default() },
        expected_workers: 0,
    }
}

/// What gives the tests of a decision back, so that the next one is among as many.
fn give_back(decision: Decision) -> Vec<Observed> {
    decision
        .actions
        .into_iter()
        .filter_map(|action| match action {
            Action::Start { tests, .. } => Some(Observed::Returned { tests, by_itself: false }),
            Action::Duplicate { .. } | Action::Release(_) => None,
        })
        .collect()
}

/// How many tests are given back.
fn count(returned: &[Observed]) -> usize {
    returned
        .iter()
        .map(|observed| match observed {
            Observed::Returned { tests, .. } => tests.len(),
            Observed::Finished { .. }
            | Observed::Lost(_)
            | Observed::Joined(_)
            | Observed::Left(_)
            | Observed::ExecOverhead(_) => 0,
        })
        .sum()
}

fn native(case: &Case) -> Measured {
    let mut run = Run::new(input(case));
    let mut times = Vec::with_capacity(ROUNDS);
    let mut started = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let decision = run.decide(Duration::ZERO, &[0]);
        times.push(began.elapsed());
        let returned = give_back(decision);
        started = count(&returned);
        run.observe(&returned);
    }
    Measured { median: median(times), started }
}

async fn component(registry: &PluginRegistry, policy: &Path, case: &Case) -> Result<Measured> {
    let failed = |fault: engine::PluginFault| anyhow!("{fault}");
    let generation = registry.get(name(policy), Role::Policy).map_err(failed)?;
    let policy = generation.policy(None).context("the component is a policy")?;
    let mut run = policy.open(&input(case)).await.map_err(failed)?;
    let mut times = Vec::with_capacity(ROUNDS);
    let mut started = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let decision = run.decide(Duration::ZERO, &[0]).await.map_err(failed)?;
        times.push(began.elapsed());
        let returned = give_back(decision);
        started = count(&returned);
        run.observe(&returned).await.map_err(failed)?;
    }
    Ok(Measured { median: median(times), started })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
