//! A plan drawn from a seed. Each seed draws which kinds of trouble there are and how much of each, so that some runs
//! know one trouble only and others many at once.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{BuildId, BuildSpec, Limits, Phases, PluginRef, Test, Time};

use crate::plan::{BuildPlan, EstimatorPlan, Faults, ListPlan, Nature, Plan, PolicyPlan, Scripted, TestPlan};
use crate::rng::Rng;

/// When the simulated world begins.
pub(crate) const BEGIN: Time = Time::from_nanos(1_000_000_000_000);

/// Trouble by chance ends this long after the beginning.
const TROUBLE: Duration = Duration::from_secs(40 * 60);

const MIXED: [PolicyPlan; 13] = [
    PolicyPlan::Good,
    PolicyPlan::Copies,
    PolicyPlan::UnknownTest,
    PolicyPlan::BusyWorker,
    PolicyPlan::OneGroup,
    PolicyPlan::TearsGroups,
    PolicyPlan::Twice,
    PolicyPlan::EmptyGroup,
    PolicyPlan::Nothing,
    PolicyPlan::Later,
    PolicyPlan::ReleaseAll,
    PolicyPlan::Silent,
    PolicyPlan::Traps,
];

/// The plan of a seed.
pub(crate) fn draw(rng: &mut Rng) -> Plan {
    let count = if rng.chance(700) { 1 } else { rng.between(2, 4) };
    let builds: Vec<BuildPlan> = (1..=count).map(|id| draw_build(rng, id)).collect();
    let script = draw_script(rng, builds.len());
    Plan {
        machines: rng.between(1, 3) * count.min(2),
        per_machine: rng.between(1, 2),
        max_active: rng.index(4) + 1,
        adoption: rng.chance(600).then(|| rng.millis(1_000, 60_000)),
        faults: draw_faults(rng),
        script,
        heal: BEGIN.plus(TROUBLE),
        steady: false,
        starts: BTreeMap::new(),
        builds,
    }
}

fn draw_faults(rng: &mut Rng) -> Faults {
    // A third of the seeds know no trouble: what they check must hold exactly.
    if rng.chance(330) {
        return Faults::default();
    }
    let mut some = |most: u32| if rng.chance(350) { rng.between(1, most) } else { 0 };
    Faults {
        refused: some(500),
        no_grant: some(300),
        late_grant: some(1000),
        phase: some(300),
        phase_hangs: some(100),
        disk: some(60),
        lost: some(400),
        frozen: some(200),
        lost_idle: some(200),
        slow: some(600),
        lies: some(300),
        dying: some(500),
        unparsed: some(500),
        twice: some(300),
        unknown: some(300),
        plugin: some(400),
        gone: some(400),
        no_adoption: some(300),
    }
}

fn draw_script(rng: &mut Rng, builds: usize) -> Vec<(Time, Scripted)> {
    let mut script = Vec::new();
    let at = |rng: &mut Rng| BEGIN.plus(rng.millis(0, 150_000));
    if rng.chance(350) {
        for _ in 0..rng.between(1, 3) {
            let moment = at(rng);
            let (what, down) = draw_restart(rng);
            script.push((moment, what));
            // Now and then once more, while the machines of before are still being asked for.
            if rng.chance(400) {
                script.push((moment.plus(down).plus(rng.millis(0, 2_000)), draw_restart(rng).0));
            }
        }
    }
    if rng.chance(150) {
        script.push((at(rng), Scripted::Cancel(rng.index(builds), "not wanted".into())));
    }
    if rng.chance(150) {
        let priority = i32::try_from(rng.below(5)).unwrap_or(0) - 1;
        script.push((at(rng), Scripted::Prefer(rng.index(builds), priority)));
    }
    if rng.chance(40) {
        script.push((at(rng), Scripted::Refuse));
    }
    script
}

/// How the coordinator is killed, and how long it is down.
fn draw_restart(rng: &mut Rng) -> (Scripted, Duration) {
    let down = if rng.chance(300) { Duration::ZERO } else { rng.millis(0, 40_000) };
    let what = match rng.below(3) {
        0 => Scripted::Restart(down),
        1 => Scripted::Crash(true, down),
        _ => Scripted::Crash(false, down),
    };
    (what, down)
}

fn draw_build(rng: &mut Rng, id: u32) -> BuildPlan {
    let with_policy = rng.chance(700);
    let policy = if !with_policy || rng.chance(600) { PolicyPlan::Good } else { *rng.pick(&MIXED) };
    let one_command = rng.chance(60);
    let overhead = rng.millis(0, 2000);
    let make_takes = rng.millis(0, 40_000);
    let mut tests = if one_command { vec![draw_test(rng, 0, &Style::plain())] } else { draw_tests(rng) };
    if rng.chance(300) {
        tests.iter_mut().for_each(|test| test.expected = None);
    }
    let list = match rng.below(100) {
        0 => ListPlan::Fails,
        1 => ListPlan::Empty,
        2 => ListPlan::Twice,
        3 => ListPlan::NoMatch,
        _ => ListPlan::Tests,
    };
    let plugin = |role: &str| (role.to_owned(), PluginRef { name: role.to_owned(), digest: "sha256:00".into() });
    let mut spec = BuildSpec {
        plugins: ["builder", "estimator"].map(plugin).to_vec(),
        max_helpers: rng.between(0, 4),
        elastic: rng.chance(500),
        priority: i32::try_from(rng.below(3)).unwrap_or(0),
        fail_fast: rng.chance(200),
        reuse_snapshot: rng.chance(600),
        retries: if rng.chance(300) { rng.between(1, 2) } else { 0 },
        one_command,
        parsed: true,
        ..spec(u64::from(id))
    };
    if with_policy {
        spec.plugins.push(plugin("policy"));
    }
    if rng.chance(30) {
        spec.limits.build = rng.millis(1_000, 200_000);
    }
    spec.limits.exec_failures = rng.between(1, 3);
    BuildPlan {
        spec,
        at: BEGIN.plus(rng.millis(0, 20_000)),
        tests,
        snapshot: rng.chance(400),
        make_fails: rng.chance(20),
        list,
        estimator: EstimatorPlan::Good,
        policy,
        policy_takes: Duration::ZERO,
        overhead,
        make_takes,
        machine_takes: rng.millis(0, 30_000),
    }
}

/// A build without anything special.
pub(crate) fn spec(id: u64) -> BuildSpec {
    BuildSpec {
        max_helpers: 2,
        reuse_snapshot: true,
        phases: Phases {
            make: Duration::from_secs(20),
            machine_start: Duration::from_secs(10),
            setup: Duration::from_secs(2),
            exec_overhead: Duration::from_millis(500),
        },
        limits: Limits {
            build: Duration::from_secs(24 * 3600),
            acquire: Duration::from_secs(300),
            phase: Duration::from_secs(300),
            test: Duration::from_secs(60),
            plugin: Duration::from_secs(5),
            exec_failures: 3,
            main_losses: 3,
        },
        ..BuildSpec::plain(BuildId(id), "project", "builder", "linux")
    }
}

/// What the tests of one build have in common.
struct Style {
    /// In a thousand, those that do not simply pass.
    odd: u32,
    keys: u64,
    units: bool,
    alone: bool,
}

impl Style {
    fn plain() -> Style {
        Style { odd: 100, keys: 0, units: false, alone: false }
    }
}

fn draw_tests(rng: &mut Rng) -> Vec<TestPlan> {
    let odd = if rng.chance(400) { 0 } else { rng.between(10, 400) };
    let style = Style { odd, keys: rng.below(4), units: rng.chance(200), alone: rng.chance(200) };
    let most = if rng.chance(100) { 120 } else { 24 };
    (0..rng.between(1, most)).map(|place| draw_test(rng, place, &style)).collect()
}

fn draw_test(rng: &mut Rng, place: u32, style: &Style) -> TestPlan {
    let nature = if rng.chance(style.odd) { draw_nature(rng) } else { Nature::Passes };
    let unit = (style.units && rng.chance(400)).then(|| format!("u{}", place / 4));
    let test = Test {
        name: format!("t{place}"),
        suite: "suite".into(),
        case: format!("t{place}"),
        merge_key: (style.keys > 0 && rng.chance(900)).then(|| format!("k{}", rng.below(style.keys))),
        unit,
        setup_key: rng.chance(200).then(|| format!("s{}", place / 8)),
        alone: (style.alone && rng.chance(300)).then(|| (*rng.pick(&["machine", "gpu"])).to_owned()),
        timeout: (nature == Nature::Hangs && rng.chance(500)).then(|| rng.millis(1000, 20_000)),
        skip: rng.chance(20).then(|| "not here".to_owned()),
        extra: Vec::new(),
    };
    let takes = rng.millis(0, 5000);
    TestPlan { test, takes, expected: Some(takes), nature }
}

fn draw_nature(rng: &mut Rng) -> Nature {
    match rng.below(10) {
        0 | 1 => Nature::Fails,
        2 => Nature::Flaky(rng.between(1, 2)),
        3 => Nature::Skips,
        4 => Nature::Hangs,
        5 => Nature::Kills(if rng.chance(500) { 1 } else { u32::MAX }),
        6 => Nature::Silent,
        7 => Nature::Crashes,
        8 => Nature::Adds,
        _ => Nature::SpoilsExit,
    }
}
