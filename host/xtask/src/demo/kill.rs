//! The demo with losses: the same build twice, the second time with one helper killed and one stopped.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::demo::HELPERS;
use crate::demo::project::Project;
use crate::demo::watch::{Disturbance, Result, Watch};
use crate::process;

/// How many differing tests are shown.
const MAX_DIFFERENCES_SHOWN: usize = 10;

/// Builds undisturbed, builds again with two losses, and compares.
pub(crate) fn run(binary: &Path, project: &Project) -> anyhow::Result<()> {
    eprintln!("== first, the build undisturbed");
    let undisturbed = follow(binary, project, Watch::undisturbed())?;
    eprintln!("== now the same, losing two machines");
    let disturbed = follow(binary, project, Watch::disturbing())?;

    for (name, cause) in &disturbed.lost_buildlets {
        eprintln!("lost {name}: {cause}");
    }
    let lost_tests = lost_tests(&undisturbed, &disturbed);
    let differences = differences(&undisturbed.verdicts, &disturbed.verdicts);
    for difference in differences.iter().take(MAX_DIFFERENCES_SHOWN) {
        eprintln!("{difference}");
    }
    let sameness = if differences.is_empty() {
        "same verdicts".to_owned()
    } else {
        format!("{} other verdicts", differences.len())
    };
    eprintln!("{} machines lost, {lost_tests} tests lost, {sameness}", disturbed.lost_buildlets.len());
    let is_as_promised = disturbed.lost_buildlets.len() == 2
        && lost_tests == 0
        && differences.is_empty()
        && undisturbed.outcome == disturbed.outcome;
    if !is_as_promised {
        bail!("end as the undisturbed build did: {:?}, then {:?}", undisturbed.outcome, disturbed.outcome);
    }
    Ok(())
}

/// Runs a build to its end and says what happens in it, disturbing helpers as the watch asks.
fn follow(binary: &Path, project: &Project, mut watch: Watch) -> anyhow::Result<Result> {
    let mut command = project.build_command(binary, HELPERS);
    command.arg("--json").stdout(Stdio::piped());
    eprintln!("$ {}", process::display(&command));
    let mut build = command.spawn().with_context(|| format!("run `{}`", process::display(&command)))?;
    let events = build.stdout.take().context("read the build's events: there is no pipe")?;
    for line in BufReader::new(events).lines() {
        let line = line.context("read the build's events")?;
        let event: Value = serde_json::from_str(&line).with_context(|| format!("read the event `{line}`"))?;
        let (said, disturbance) = watch.event(&event);
        if let Some(said) = said {
            eprintln!("  {said}");
        }
        if let Some(disturbance) = disturbance {
            disturb(&disturbance)?;
        }
    }
    let status = build.wait().context("wait for the build")?;
    if watch.left_to_do() > 0 {
        bail!("disturb {} helpers: fewer ran tests before the build ended", watch.left_to_do());
    }
    let result = watch.result();
    if result.outcome.is_none() {
        bail!("see the end of the build: its events stopped, and it ended with {status}");
    }
    Ok(result)
}

fn disturb(disturbance: &Disturbance) -> anyhow::Result<()> {
    let Disturbance { signal, name, pid } = disturbance;
    eprintln!("  >>> SIG{signal} to {name}, process {pid}");
    // The shell's own kill: the program of that name is not on every machine.
    process::run(Command::new("sh").arg("-c").arg(format!("kill -{signal} {pid}")))
}

/// Tests that have no verdict in the second build, or the verdict that says so.
fn lost_tests(undisturbed: &Result, disturbed: &Result) -> usize {
    let is_lost = |name: &&String| disturbed.verdicts.get(*name).is_none_or(|verdict| verdict == "lost");
    undisturbed.verdicts.keys().filter(is_lost).count()
}

fn differences(expected: &BTreeMap<String, String>, got: &BTreeMap<String, String>) -> Vec<String> {
    let missing_or_other =
        expected.iter().filter(|(name, verdict)| got.get(*name) != Some(verdict)).map(|(name, verdict)| {
            let instead = got.get(name).map_or("none", String::as_str);
            format!("{name}: {verdict} before, {instead} now")
        });
    let added = got.iter().filter(|(name, _)| !expected.contains_key(*name));
    missing_or_other.chain(added.map(|(name, verdict)| format!("{name}: none before, {verdict} now"))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Result, differences, lost_tests};

    fn verdicts(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(name, verdict)| ((*name).to_owned(), (*verdict).to_owned())).collect()
    }

    #[test]
    fn a_missing_other_or_added_verdict_is_a_difference() {
        let before = verdicts(&[("a", "passed"), ("b", "failed"), ("c", "passed")]);
        let now = verdicts(&[("a", "passed"), ("b", "passed"), ("d", "passed")]);
        let expected = ["b: failed before, passed now", "c: passed before, none now", "d: none before, passed now"];
        assert_eq!(differences(&before, &now), expected);
        assert!(differences(&before, &before).is_empty());
    }

    #[test]
    fn a_test_is_lost_without_a_verdict_or_by_verdict() {
        let result = |list| Result { verdicts: verdicts(list), ..Result::default() };
        let before = result(&[("a", "passed"), ("b", "failed"), ("c", "passed")]);
        let now = result(&[("a", "lost"), ("b", "failed")]);
        assert_eq!(lost_tests(&before, &now), 2);
    }
}
