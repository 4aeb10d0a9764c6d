//! Measures a warm decision for one idle worker among 1,000 tests, through a policy component and native, and the
//! time to load components from a warm cache. A decision costs by the tests that it starts, and so there are two
//! builds: one of tests of a second, of which ten fill a group, and one of tests of some 45 ms, of which 160 do.
//!
//! `cargo bench -p plugin-host -- POLICY.wasm [FILE.wasm ...]`; without files those of the folder that
//! `MUSTER_BUNDLE_DIR` names, whose policy is `in-order`. Each
//! round asks both for a decision; loading is setting a host up and adding all the files, their code compiled before.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use builtin::{Action, Decision, EstimateSource, Item, Observed, Phases, Run, RunInput, Worker};
use measure::{Bar, Report, Samples};
use plugin_host::{EngineOptions, PluginHost, PluginRegistry, PluginSettings, Role};

/// Tests of the build.
const TESTS: u32 = 1000;
/// Workers of the build; one of them is idle at each decision.
const WORKERS: u32 = 3;
/// Decisions that are measured.
const ROUNDS: usize = 2000;
/// Times everything is loaded.
const LOADS: usize = 5;
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

/// What the decisions of one case took, and how many tests the last one started.
#[derive(Default)]
struct Measured {
    native: Samples,
    component: Samples,
    started: usize,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let files = files()?;
    let policy = files.first().context("name a policy component")?;
    let folder = tempfile::tempdir()?;
    let options = EngineOptions { cache_folder: Some(folder.path().join("compiled")), ..EngineOptions::default() };
    let (mut registry, _) = load_all(&options, &files).await?;
    let mut load = Samples::default();
    for _ in 0..LOADS {
        let began = Instant::now();
        let (loaded, cached) = load_all(&options, &files).await?;
        load.push(began.elapsed());
        ensure!(cached == files.len(), "{cached} of {} files were found compiled", files.len());
        registry = loaded;
    }

    let mut report = Report::default();
    for case in CASES {
        let measured = measure(&registry, policy, &case).await?;
        let name = format!("{} ({} started)", case.name, measured.started);
        report.samples(&format!("{name}, native"), &measured.native, &measured.native);
        report.samples(&format!("{name}, component"), &measured.component, &measured.native);
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        report.bar(&format!("{name} in us"), micros(measured.component.median()), Bar::Below(micros(DECISION_BAR)));
    }
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    report.bar("loading in ms", millis(load.median()), Bar::Below(millis(LOAD_BAR)));
    Ok(report.end())
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
        max_group: None,
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
            Action::Start { tests, .. } => Some(Observed::Returned { tests, max_group: None }),
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
            | Observed::ExecOverhead(_)
            | Observed::Started { .. } => 0,
        })
        .sum()
}

/// Asks both for one decision a round, of the same state.
async fn measure(registry: &PluginRegistry, policy: &Path, case: &Case) -> Result<Measured> {
    let failed = |fault: engine::PluginFault| anyhow!("{fault}");
    let generation = registry.get(name(policy), Role::Policy).map_err(failed)?;
    let policy = generation.policy(None).context("the component is a policy")?;
    let mut native = Run::new(input(case));
    let mut component = policy.open(&input(case)).await.map_err(failed)?;
    let mut measured = Measured::default();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let decision = native.decide(Duration::ZERO, &[0]);
        measured.native.push(began.elapsed());
        let returned = give_back(decision);
        measured.started = count(&returned);
        native.observe(&returned);

        let began = Instant::now();
        let decision = component.decide(Duration::ZERO, &[0]).await.map_err(failed)?;
        measured.component.push(began.elapsed());
        let returned = give_back(decision);
        ensure!(count(&returned) == measured.started, "the component starts another number of tests");
        component.observe(&returned).await.map_err(failed)?;
    }
    Ok(measured)
}
