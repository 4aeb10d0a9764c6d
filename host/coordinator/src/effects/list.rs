//! Listing the tests of a made tree.

use std::collections::BTreeSet;

use engine::{CommandEnd, ExecFailure, LeaseId, ListFailure, PluginFault, PluginFaultKind, Test};

use super::{Context, command, make, results, sink};
use crate::effects::acquire::tell;
use crate::lease::Leased;
use crate::ports::{Command, Listing, TestPlan};
use crate::view::{BuildUpdate, BuildletState};

/// How many near names a filter without a match is answered with.
const NEAREST: usize = 3;

/// The one test of a tree that cannot be split.
const WHOLE: &str = "all";

pub(super) async fn list(context: &Context, lease: LeaseId) -> Result<Vec<Test>, ListFailure> {
    let job = &context.job;
    let leased = job.leases.get(lease).map_err(ListFailure::Exec)?;
    let name = format!("list-{lease}");
    let plan = make::plan(context, &leased, &name).await.map_err(ListFailure::Plugin)?;
    let tests = match plan.tests {
        TestPlan::OneCommand(_) => {
            let test =
                Test { name: WHOLE.into(), suite: job.config.name.clone(), case: WHOLE.into(), ..Test::default() };
            vec![test]
        }
        TestPlan::Listed(list) => listed(context, &leased, &name, &list, &plan.memo).await?,
    };
    let tests = select(context, tests)?;
    job.tell(BuildUpdate::Listed { tests: tests.len() as u64 }).await;
    let _ = job.tests.set(tests.clone());
    Ok(tests)
}

async fn listed(
    context: &Context,
    leased: &Leased,
    name: &str,
    list: &Command,
    memo: &str,
) -> Result<Vec<Test>, ListFailure> {
    let job = &context.job;
    let state = BuildletState::Running { tests: vec!["list the tests".into()], since: std::time::Duration::ZERO };
    tell(context, leased, state).await;
    let mut sink = sink::CollectSink::default();
    let ended = command::run(context, leased, name.into(), list, job.phase_limit(), &mut sink).await;
    let end = ended.end.map_err(ListFailure::Exec)?;
    let files = if list.results.is_empty() {
        Vec::new()
    } else {
        read_files(context, leased, name, &list.results).await.map_err(ListFailure::Exec)?
    };
    let listing = Listing { output: sink.bytes.clone(), end: end.clone(), files };
    let tests = match job.plugins.builder.tests(&job.config.name, memo, listing).await {
        Ok(tests) => tests,
        // The builder read the listing and says what is wrong with it: a result.
        Err(fault) if fault.kind == PluginFaultKind::Refused => {
            show(context, name, sink.bytes).await;
            return Err(ListFailure::Command(refused(&end, &fault)));
        }
        Err(fault) => return Err(ListFailure::Plugin(fault)),
    };
    if tests.is_empty() {
        show(context, name, sink.bytes).await;
        return Err(ListFailure::Empty);
    }
    Ok(tests)
}

/// What a listing that is of no use printed goes into the log.
async fn show(context: &Context, exec: &str, bytes: Vec<u8>) {
    let job = &context.job;
    let appended = async { job.log().await?.exec(exec, 0, &bytes).await.map(<[u8]>::to_vec) };
    match appended.await {
        Ok(bytes) => job.tell(BuildUpdate::OrderedOutput(bytes)).await,
        Err(error) => tracing::warn!(build = %job.build(), %error, "a listing is missing from the log"),
    }
}

fn refused(end: &CommandEnd, fault: &PluginFault) -> String {
    if end.is_success() { fault.detail.clone() } else { format!("{} ({end})", fault.detail) }
}

async fn read_files(
    context: &Context,
    leased: &Leased,
    attempt: &str,
    globs: &[String],
) -> Result<Vec<(String, Vec<u8>)>, ExecFailure> {
    let results = results::fetch(context, leased, attempt, globs).await?;
    let mut files = Vec::new();
    for name in &results.names {
        let content = tokio::fs::read(results.path(name)).await.map_err(|error| {
            ExecFailure::new(engine::ExecFailureKind::Other, format!("read result file `{name}`: {error}"))
        })?;
        files.push((name.clone(), content));
    }
    Ok(files)
}

/// The tests that are to run, each once.
fn select(context: &Context, tests: Vec<Test>) -> Result<Vec<Test>, ListFailure> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = tests.iter().find(|test| !seen.insert(test.name.as_str())) {
        return Err(ListFailure::Command(format!("the listing names test `{}` twice", twice.name)));
    }
    let Some(run) = &context.job.selection.run else { return Ok(tests) };
    let (wanted, rest): (Vec<Test>, Vec<Test>) = tests.into_iter().partition(|test| run.is_match(&test.name));
    if wanted.is_empty() {
        return Err(ListFailure::NoMatch(nearest(run.as_str(), &rest)));
    }
    Ok(wanted)
}

/// The names that share most of their letter pairs with what was asked for.
fn nearest(wanted: &str, tests: &[Test]) -> Vec<String> {
    let pairs = |text: &str| -> BTreeSet<(char, char)> {
        let letters: Vec<char> = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let asked = pairs(wanted);
    let mut ranked: Vec<(usize, &str)> = tests
        .iter()
        .map(|test| (pairs(&test.name).intersection(&asked).count(), test.name.as_str()))
        .filter(|(shared, _)| *shared > 0)
        .collect();
    ranked.sort_by_key(|(shared, name)| (std::cmp::Reverse(*shared), name.len(), *name));
    ranked.into_iter().take(NEAREST).map(|(_, name)| name.to_owned()).collect()
}
