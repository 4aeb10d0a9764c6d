//! From a scenario file to a plan, and what is wrong with it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use engine::{ExecFailureKind, Limits, Phases, PluginRef, Test};
use toml::Spanned;

use super::file::{AtTable, BuildTable, Does, File, FleetTable, LimitsTable, Policy, TestTable, What};
use crate::draw::{BEGIN, spec};
use crate::fleet::slot_name;
use crate::plan::{BuildPlan, Faults, Nature, Plan, PolicyPlan, Scripted, TestPlan};

/// The most machines, and the most tests of one line: a slip of the finger must not fill the memory.
const MOST: u32 = 100_000;

/// What is wrong, and where.
pub(super) type Wrong = (Range<usize>, String);

/// The plan that a file tells.
pub(super) fn plan(file: File) -> Result<Plan, Wrong> {
    let File { fleet, build: builds, at, .. } = file;
    if builds.is_empty() || fleet.machines > MOST || fleet.per_host == 0 {
        let text = format!("there must be a build, at most {MOST} machines, and at least one on each host");
        return Err((0..0, text));
    }
    let starts = starts(&fleet)?;
    let (machines, count) = (fleet.machines, builds.len());
    let script = at.into_iter().map(|at| scripted(at, machines, count)).collect::<Result<_, _>>()?;
    let builds = (1..).zip(builds).map(|(id, table)| build(id, table, &fleet)).collect::<Result<_, _>>()?;
    Ok(Plan {
        builds,
        machines,
        per_machine: fleet.per_host,
        max_active: fleet.builds_at_once,
        adoption: fleet.adoption.map(|span| span.0),
        faults: Faults::default(),
        script,
        heal: BEGIN,
        steady: true,
        starts,
    })
}

fn starts(fleet: &FleetTable) -> Result<BTreeMap<u32, Duration>, Wrong> {
    let start = |(name, span): (&String, &Spanned<super::span::Span>)| {
        Ok((slot(name, span.span(), fleet.machines)?, span.get_ref().0))
    };
    fleet.starts.iter().map(start).collect()
}

fn slot(name: &str, place: Range<usize>, machines: u32) -> Result<u32, Wrong> {
    (1..=machines).find(|slot| slot_name(*slot) == name).ok_or_else(|| {
        let text = format!("there is no machine `{name}`: there are {machines}, named m1 to m{machines}");
        (place, text)
    })
}

fn build(id: u64, table: BuildTable, fleet: &FleetTable) -> Result<BuildPlan, Wrong> {
    let plain = spec(id);
    let plugin = |role: &str| (role.to_owned(), PluginRef { name: role.to_owned(), digest: "sha256:00".into() });
    let mut roles = vec!["builder", "estimator"];
    if table.policy != Policy::BuiltIn {
        roles.push("policy");
    }
    let mut tests = Vec::new();
    for test in table.test {
        add_tests(&mut tests, test)?;
    }
    let phases = Phases {
        make: table.make.0,
        machine_start: fleet.start.0,
        setup: Duration::from_millis(500),
        exec_overhead: table.exec.0,
    };
    Ok(BuildPlan {
        spec: engine::BuildSpec {
            max_helpers: table.helpers,
            elastic: fleet.elastic,
            priority: table.priority,
            fail_fast: table.fail_fast,
            reuse_snapshot: !table.fresh,
            retries: table.retries,
            one_command: table.one_command,
            parsed: table.parser,
            phases,
            limits: limits(&table.limits, &plain.limits),
            plugins: roles.into_iter().map(plugin).collect(),
            ..plain
        },
        at: BEGIN.plus(table.at.0),
        tests,
        snapshot: table.snapshot,
        make_fails: table.make_fails,
        list: table.list,
        estimator: table.estimator,
        policy: match table.policy {
            Policy::BuiltIn => PolicyPlan::Good,
            Policy::Plugin(plan) => plan,
        },
        policy_takes: table.policy_takes.0,
        overhead: table.exec.0,
        make_takes: table.make.0,
        machine_takes: fleet.start.0,
    })
}

fn limits(table: &LimitsTable, usual: &Limits) -> Limits {
    Limits {
        build: table.build.map_or(usual.build, |span| span.0),
        acquire: table.acquire.map_or(usual.acquire, |span| span.0),
        phase: table.phase.map_or(usual.phase, |span| span.0),
        test: table.test.map_or(usual.test, |span| span.0),
        plugin: table.plugin.map_or(usual.plugin, |span| span.0),
        exec_failures: table.exec_failures.unwrap_or(usual.exec_failures),
        main_losses: table.main_losses.unwrap_or(usual.main_losses),
    }
}

fn add_tests(tests: &mut Vec<TestPlan>, table: Spanned<TestTable>) -> Result<(), Wrong> {
    let place = table.span();
    let table = table.into_inner();
    if table.count.is_some_and(|count| count > MOST) {
        return Err((place, format!("more than {MOST} tests at once")));
    }
    let names: Vec<String> = match table.count {
        None => vec![table.name.clone()],
        Some(count) => (1..=count).map(|number| format!("{}{number}", table.name)).collect(),
    };
    for name in names {
        if tests.iter().any(|plan| plan.test.name == name) {
            return Err((place, format!("there is a test `{name}` already")));
        }
        tests.push(test(name, &table));
    }
    Ok(())
}

fn test(name: String, table: &TestTable) -> TestPlan {
    let test = Test {
        suite: "suite".into(),
        case: name.clone(),
        name,
        merge_key: table.key.clone(),
        unit: table.unit.clone(),
        setup_key: table.setup.clone(),
        alone: table.alone.clone(),
        timeout: table.timeout.map(|span| span.0),
        skip: table.skip.clone(),
        extra: Vec::new(),
    };
    let expected = (!table.unknown).then(|| table.expected.unwrap_or(table.takes).0);
    TestPlan { test, takes: table.takes.0, expected, nature: nature(table) }
}

fn nature(table: &TestTable) -> Nature {
    match table.does {
        Does::Passes => Nature::Passes,
        Does::Fails => Nature::Fails,
        Does::Flaky => Nature::Flaky(table.times.unwrap_or(1)),
        Does::Skips => Nature::Skips,
        Does::Hangs => Nature::Hangs,
        Does::KillsMachine => Nature::Kills(table.times.unwrap_or(u32::MAX)),
        Does::SaysNothing => Nature::Silent,
        Does::Crashes => Nature::Crashes,
        Does::SpoilsExit => Nature::SpoilsExit,
        Does::Adds => Nature::Adds,
    }
}

fn scripted(at: Spanned<AtTable>, machines: u32, builds: usize) -> Result<(engine::Time, Scripted), Wrong> {
    let place = at.span();
    let AtTable { time, what, machine, by, times, how, cause, build } = at.into_inner();
    let missing = |key: &str| (place.clone(), format!("`{key}` is missing: it is needed by what is to be done"));
    let slot = || {
        let name = machine.as_ref().ok_or_else(|| missing("machine"))?;
        slot(name.get_ref(), name.span(), machines)
    };
    let down = by.map(|span| span.0).unwrap_or_default();
    let by = || by.map(|span| span.0).ok_or_else(|| missing("by"));
    let what = match what {
        What::Lose => Scripted::Lose(slot()?),
        What::LoseFailing => Scripted::LoseFailing(slot()?),
        What::Freeze => Scripted::Freeze(slot()?),
        What::Hang => Scripted::Hang(slot()?),
        What::FillDisk => Scripted::Fail(slot()?, ExecFailureKind::DiskFull),
        What::Slow => Scripted::Slow(slot()?, times.ok_or_else(|| missing("times"))?),
        What::Delay => Scripted::Delay(slot()?, by()?),
        What::Lie => Scripted::Lie(slot()?, how.ok_or_else(|| missing("how"))?),
        What::Refuse => Scripted::Refuse,
        What::Grant => Scripted::Grant,
        What::RepeatAnswers => Scripted::Again(by()?),
        What::Cancel => {
            let number = build.as_ref().map_or(1, |build| *build.get_ref());
            if !(1..=builds).contains(&number) {
                let place = build.map_or(place, |build| build.span());
                return Err((place, format!("there is no build {number}: they are counted from 1 to {builds}")));
            }
            Scripted::Cancel(number - 1, cause.unwrap_or_else(|| "not wanted".into()))
        }
        What::Restart => Scripted::Restart(down),
        What::CrashBeforeCommit => Scripted::Crash(true, down),
        What::CrashAfterCommit => Scripted::Crash(false, down),
    };
    Ok((BEGIN.plus(time.0), what))
}
