//! Rules for the answers of builders.

use std::collections::BTreeSet;

use coordinator::ports::LogFormat;

use super::answer::{Checked, command, duration, inside, name, shown};
use crate::bindings::exports::muster::builder::builder as wit;
use crate::bindings::muster::types::types::Test;

/// Builders that one plugin may have.
const CONFIGS: usize = 1000;
/// Steps of a make.
const STEPS: usize = 1000;
/// Paths that a make may clean.
const CLEAN: usize = 10_000;
/// Bytes of a memo: it is kept with the build and handed back with every run.
const MEMO_BYTES: usize = 256 << 10;
/// Bytes of a test's notes: they are recorded with the test and handed back with every run.
const NOTES_BYTES: usize = 4 << 10;

/// How the log of a builder's builds reads: `log` among its extras.
pub(crate) fn log_format(extra: &[(String, String)]) -> Result<LogFormat, String> {
    let value = |wanted: &str| extra.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    match value("log") {
        None | Some("plain") => Ok(LogFormat::Plain),
        Some("go-2015") => Ok(LogFormat::Go2015 { make_script: value("log-script").map(str::to_owned) }),
        Some(other) => Err(format!("the log format {} (there are `plain` and `go-2015`)", shown(other))),
    }
}

pub(crate) fn configs(configs: &[wit::BuilderConfig]) -> Checked {
    if configs.len() > CONFIGS {
        return Err(format!("{} builders, and {CONFIGS} are the most", configs.len()));
    }
    let mut names = BTreeSet::new();
    for config in configs {
        name("a builder", &config.name)?;
        if !names.insert(&config.name) {
            return Err(format!("two builders are called {}", shown(&config.name)));
        }
        let of = |what: &str| format!("{what} of builder {}", shown(&config.name));
        name(&of("the make host type"), &config.make_host_type)?;
        name(&of("the test host type"), &config.test_host_type)?;
        if !config.root.is_empty() {
            inside(&of("the root"), &config.root)?;
        }
        duration(&of("the cost of an exec"), config.exec_overhead)?;
        if let Some((key, _)) = config.env.iter().find(|(key, _)| key.is_empty() || key.contains(['=', '\0'])) {
            return Err(format!("variable {} of builder {} cannot be set", shown(key), shown(&config.name)));
        }
        log_format(&config.extra).map_err(|wrong| of(&wrong))?;
        if let Some(glob) = config.look_at.iter().find(|glob| !glob.starts_with('$') || glob.contains("..")) {
            return Err(format!("{} is {}; it begins with a variable", of("a glob to look at"), shown(glob)));
        }
    }
    Ok(())
}

pub(crate) fn plan(plan: &wit::BuildPlan) -> Checked {
    if plan.make.len() > STEPS || plan.clean.len() > CLEAN {
        let (steps, clean) = (plan.make.len(), plan.clean.len());
        return Err(format!("{steps} steps and {clean} paths to clean, and {STEPS} and {CLEAN} are the most"));
    }
    for step in &plan.make {
        name("a step", &step.name)?;
        command(&step.command).map_err(|rule| format!("step {}: {rule}", shown(&step.name)))?;
    }
    for path in &plan.clean {
        inside("path to clean", path)?;
    }
    if plan.memo.len() > MEMO_BYTES {
        return Err(format!("a memo of {} bytes, and {MEMO_BYTES} are the most", plan.memo.len()));
    }
    match &plan.tests {
        wit::TestPlan::Listed(list) => command(list).map_err(|rule| format!("the list command: {rule}")),
        wit::TestPlan::OneCommand(all) => command(all).map_err(|rule| format!("the test command: {rule}")),
    }
}

pub(crate) fn tests(tests: &[Test]) -> Checked {
    let mut names = BTreeSet::new();
    for test in tests {
        name("a test", &test.name)?;
        if !names.insert(&test.name) {
            return Err(format!("two tests are called {}", shown(&test.name)));
        }
        if let Some(timeout) = test.timeout {
            duration("the time limit of a test", timeout)?;
        }
        let notes: usize = test.extra.iter().map(|(key, value)| key.len() + value.len()).sum();
        if notes > NOTES_BYTES {
            let test = shown(&test.name);
            return Err(format!("{notes} bytes of notes on test {test}, and {NOTES_BYTES} are the most"));
        }
    }
    Ok(())
}
